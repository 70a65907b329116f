"""5,000 files changed at once by a `git checkout` of another branch (the repository lies beside the tree, not in it)."""
import time

from vs_peers import trees
from vs_peers.bed import Failed
from vs_peers.measure import run, timed, verify
from vs_peers.works.arrival import Arrival

PATIENCE = 300


class Repository:
    """Holds `count` files of the tree on two branches, a (as they are) and b (each with a line more)."""

    def __init__(self, bed, tree, count):
        self.tree, self.store = tree, bed.fresh("git") / "store"
        texts = [path for path, _ in trees.files_of(tree) if path.endswith((".c", ".h"))]
        self.paths = texts[:count]
        listed = self.store.parent / "paths"
        listed.write_text("".join(f":(literal){path}\n" for path in self.paths), encoding="utf8")
        self.git("init", "-q", "-b", "a")
        self.git("add", "-f", f"--pathspec-from-file={listed}")
        self.commit("as it is")
        self.content = {"a": self.read()}
        for path in self.paths:
            with open(tree / path, "ab") as file:
                file.write(b"/* on the other branch */\n")
        self.content["b"] = self.read()
        self.git("checkout", "-q", "-b", "b")
        self.git("add", "-u")
        self.commit("a line more")
        self.now = "b"
        self.checkout("a")

    def git(self, *words):
        run(["git", "-c", "gc.auto=0", "-c", "user.name=bench", "-c", "user.email=bench@localhost", f"--git-dir={self.store}",
             f"--work-tree={self.tree}", *words], cwd=self.tree)

    def commit(self, message):
        self.git("commit", "-q", "-m", message)

    def read(self):
        return {path: (self.tree / path).read_bytes() for path in self.paths}

    def checkout(self, branch):
        self.git("checkout", "-q", branch)
        self.now = branch

    @property
    def other(self):
        return "b" if self.now == "a" else "a"


def by_services(bed, records, tool, repository, number):
    old, new = repository.content[repository.now], repository.content[repository.other]
    wire = bed.wire_bytes()
    with Arrival(tool.target, old, new) as arrival:
        began = time.perf_counter()
        repository.checkout(repository.other)
        switched = time.perf_counter() - began
        last = arrival.wait(PATIENCE)
    if last is None:
        raise Failed(f"{tool.name}: {len(arrival.missing)} files of the switch are not there after {PATIENCE} s")
    measured = {"seconds": last - began, "after_checkout": last - began - switched, "torn": len(arrival.torn), "torn_as": dict(sorted(arrival.torn.items())[:3]),
                "files": len(new), "wire": bed.wire_bytes() - wire, "warm_up": number == 0}
    records.add("switch", bed, tool.name, "running", "start of `git checkout` to the last file's new bytes read", measured, "bytes", tool.note)


def by_run(bed, records, tool, repository, mirror, number):
    """After the checkout: one run of the tool to a target that still has the other branch."""
    with Arrival(mirror, repository.content[repository.other], repository.content[repository.now]) as arrival:
        measured = timed(bed, lambda: tool.sync(bed, repository.tree, mirror), mirror)
        arrival.wait(10)
    measured |= {"torn": len(arrival.torn), "torn_as": dict(sorted(arrival.torn.items())[:3]), "files": len(repository.paths), "warm_up": number == 0}
    verify(bed, repository.tree, mirror)
    records.add("switch", bed, tool.name, "none", "start of the command (after the checkout) to the end of `sync -f`", measured, "exact")
