"""twsync: one command with no service, and the services as separate processes."""
import json
import subprocess

from vs_peers.measure import run
from vs_peers.tools.live_tool import LiveTool
from vs_peers.tools.run_tool import RunTool

ROLES = ("broker", "scanner", "resolver", "transfer", "monitor")


def missing(settings):
    for program in ("twsync", "twsync-agent", *(f"twsync-{role}" for role in ROLES)):
        if not (settings.bin / program).exists():
            return f"no {settings.bin / program}"
    return None


class Twsync(RunTool):
    name = "twsync"
    works = RunTool.works + ("rescan",)

    @classmethod
    def missing(cls, settings):
        return missing(settings)

    def sync(self, bed, source, target):
        run([bed.bin / "twsync", "sync", source, f"{bed.host}:{target}", "--state-dir", f"{target}.state", "--ssh-port", bed.port,
             "--ssh-key", bed.key, "--known-hosts", bed.known_hosts, "--quiet"])


class Services(LiveTool):
    name = "twsync"
    exact = True

    @classmethod
    def missing(cls, settings):
        return missing(settings)

    def __init__(self, bed, source, target):
        super().__init__(bed, source, target)
        self.state = bed.fresh("state")
        keys = self.state / "keys"
        keys.mkdir(mode=0o700)
        self.state.chmod(0o700)
        (keys / "known_hosts").write_bytes(bed.known_hosts.read_bytes())
        config = self.state / "conf.sh"
        config.write_text(f"DEPLOY_SERVER={bed.address}\nCODE_PATH={source}\nDEPLOY_PATH={target}\nSSH_USER={bed.user}\n"
                          f"SSH_PORT={bed.port}\nSSH_KEY={bed.key}\n", encoding="utf8")
        config.chmod(0o600)
        self.options = ["--config", str(config), "--state-dir", str(self.state)]

    def start(self):
        for role in ROLES:
            self.spawn([self.bed.bin / f"twsync-{role}", *self.options, "--log-stderr"], self.state / f"{role}.log")

    def command(self, *words):
        return run([self.bed.bin / "twsync", *words, *self.options])

    def status(self):
        """The pair's part of `status --json`; {} before the broker answers."""
        done = subprocess.run([self.bed.bin / "twsync", "status", *self.options, "--json"], capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            found = json.loads(line)
            if found.get("service") and found.get("pairs"):
                return found["pairs"][0]
        return {}

    def quiet(self):
        status = self.status()
        return status.get("state") == "idle" and not status.get("hints_waiting") and not status.get("requests_waiting")

    def synced(self):
        if not self.quiet():
            return False
        last = json.loads(self.command("sync", "--json").splitlines()[-1])
        return bool(last.get("in_sync")) and last.get("operations") == 0
