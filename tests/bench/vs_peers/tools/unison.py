"""unison over ssh; it carries no time of a symlink, so bytes, kinds and link targets are compared."""
import os

from vs_peers.measure import run
from vs_peers.tools.run_tool import RunTool


class Unison(RunTool):
    name = program = "unison"
    exact = False
    slow = True

    def sync(self, bed, source, target):
        environment = dict(os.environ, UNISON=f"{target}.unison", UNISONLOCALHOSTNAME="bench")
        owner = ["-owner", "-group"] if os.getuid() == 0 else []
        run(["unison", source, f"ssh://{bed.host}/{target}", "-batch", "-silent", "-times", *owner, "-perms", "-1",
             "-ignore", "Path .twsync", "-confirmbigdel=false", "-sshargs", " ".join(bed.ssh[1:])], env=environment)
