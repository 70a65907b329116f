"""What the machine needs at the least: no tool, the yardsticks."""
from vs_peers.measure import run
from vs_peers.tools.run_tool import RunTool


class Limit(RunTool):
    @classmethod
    def missing(cls, settings):
        program = settings.build / "tests/bench_limits"
        return None if program.exists() else f"no {program}"


class Copy(Limit):
    name = "local copy"
    works = ("first",)
    exact = False

    def sync(self, bed, source, target):
        run([bed.settings.build / "tests/bench_limits", "copy", source, target])


class Walk(Limit):
    name = "walk + stat"
    works = ("noop",)

    def sync(self, bed, source, target):
        run([bed.settings.build / "tests/bench_limits", "walk", source, target])
