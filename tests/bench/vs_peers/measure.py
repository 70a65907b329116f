"""How one run is measured: seconds, bytes on the wire, memory; and how both trees are compared."""
import os
import subprocess
import threading
import time

from peak_pss import below, parents, pss
from vs_peers.bed import Failed


def run(words, **options):
    """A command that has to succeed; its last words if it does not."""
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False, **options)
    if done.returncode != 0:
        raise Failed(f"{words[0]} ended with {done.returncode}: {done.stdout[-600:]}")
    return done.stdout


def flush(path):
    run(["sync", "-f", path])


class Peak:
    """Samples the sum of PSS of our children (code side) and of everything below the sshd (deploy side)."""

    def __init__(self, bed):
        self.bed, self.code, self.deploy, self.both = bed, 0, 0, 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.sample)

    def sample(self):
        while not self.ended.wait(0.03):
            table = parents()
            mine = set(below(os.getpid(), table)) - {os.getpid()} - {proxy.pid for proxy in self.bed.proxies.values()}
            code, deploy = pss(mine), pss(below(self.bed.sshd_pid, table))
            self.code, self.deploy = max(self.code, code), max(self.deploy, deploy)
            self.both = max(self.both, code + deploy)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


def timed(bed, work, target, sample_memory=False):
    """work() and `sync -f` of the target, as a dict of what a record holds."""
    flush(bed.work)
    wire = bed.wire_bytes()
    if sample_memory:
        with Peak(bed) as peak:
            work()
            flush(target)
        return {"warm_up": True, "wire": bed.wire_bytes() - wire, "pss_kb": [peak.code, peak.deploy, peak.both]}
    began = time.perf_counter()
    work()
    flush(target)
    return {"seconds": time.perf_counter() - began, "wire": bed.wire_bytes() - wire}


def verify(bed, source, target, exact=True):
    """Not exact: kinds, bytes and link targets only, for tools that carry no more."""
    words = [bed.settings.build / "tests/bench_equal", *([] if exact else ["--bytes"]), source, target]
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise Failed(f"the trees differ: {done.stdout[-600:]}{done.stderr[-300:]}")


def comm(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as name:
            return name.read().strip()
    except OSError:
        return ""


def switches(pid):
    """Voluntary context switches so far of each thread of a process; {} once it is gone."""
    found = {}
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as status:
                found[task] = sum(int(line.split()[1]) for line in status if line.startswith("voluntary_ctxt_switches"))
    except OSError:
        pass
    return found
