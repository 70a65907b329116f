"""tar | ssh tar."""
import shlex

from vs_peers.measure import run
from vs_peers.tools.run_tool import RunTool


class Tar(RunTool):
    name = program = "tar"
    works = ("first", "small")

    def sync(self, bed, source, target):
        # pax headers: the default format cuts mtimes to seconds.
        send = shlex.join(["tar", "-C", str(source), "--format=posix", "--exclude=./.twsync", "-cf", "-", "."])
        receive = shlex.join([*bed.ssh, bed.host, f"tar -C '{target}' -xpf -"])
        run(["bash", "-c", f"set -o pipefail; {send} | {receive}"])
