"""What every tool with processes that stay has."""
import shutil
import subprocess

from vs_peers.bed import Failed


class LiveTool:
    name = ""
    program = ""
    both_ways = True
    exact = False
    services = "running"
    first = None      # says from what to what its first sync is measured; it then has prepare() and carry()
    note = ""         # what a reader has to know to compare it

    @classmethod
    def missing(cls, settings):
        del settings
        return None if shutil.which(cls.program) else f"no {cls.program} on the PATH"

    def __init__(self, bed, source, target):
        self.bed, self.source, self.target = bed, source, target
        self.processes = []

    def start(self):
        """Starts watching both (or one) sides; the trees may be equal already, or the target empty."""
        raise NotImplementedError

    def synced(self):
        """Whether it says that both sides are equal."""
        raise NotImplementedError

    def spawn(self, words, log, **options):
        with open(log, "ab") as out:
            process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=out, stderr=out, **options)
        process.log = log
        self.processes.append(process)
        return process

    def check(self):
        for process in self.processes:
            if process.poll() is not None:
                raise Failed(f"{self.name} ended with {process.returncode}: {process.log.read_text(errors='replace')[-600:]}")

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = []
