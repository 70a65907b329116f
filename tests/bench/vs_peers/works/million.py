"""1,000,000 entries: memory of the first sync and of a full rescan, the rescan against `rsync -an`, then live edits."""
from vs_peers import trees
from vs_peers.measure import flush, timed, verify
from vs_peers.tools.rsync import Rsync
from vs_peers.tools.twsync import Services
from vs_peers.works import edits, idle, turns
from vs_peers.works.live import settle, until


class Configured:
    """twsync with no service by the configuration that the services use later."""
    name, services, exact = "twsync", "none", True

    def __init__(self, tool):
        self.tool = tool

    def sync(self, bed, source, target):
        self.tool.command("sync", "--quiet")


class Listed(Rsync):
    def sync(self, bed, source, target, *options):
        super().sync(bed, source, target, "-n", *options)


def measure(bed, records, settings):
    if Services.name not in settings.tools or Services.missing(settings):
        return
    source, target = bed.fresh("million-source"), bed.fresh("million-target")
    trees.many(source, settings.entries)
    flush(source)
    tool = Services(bed, source, target)
    rescans = [Configured(tool)] + ([Listed()] if "rsync" in settings.tools and not Rsync.missing(settings) else [])
    measured = timed(bed, lambda: tool.command("sync", "--quiet"), target, sample_memory=True)
    verify(bed, source, target)
    records.add("million, first", bed, "twsync", "none", turns.COMMAND, measured | {"entries": settings.entries}, "exact")
    for number in range(settings.rounds + 1):
        for one in turns.turn(rescans, number):
            measured = timed(bed, lambda one=one: one.sync(bed, source, target), target, sample_memory=number == 0)
            records.add("million, rescan", bed, one.name, "none", turns.COMMAND + ("; -n" if one.name == "rsync" else ""),
                        measured | {"entries": settings.entries}, "exact")
    try:
        tool.start()
        until(tool.synced, 1800, "the services at rest")
        settle(tool)
        edits.measure(bed, records, tool, settings.edits, "million, edit latency")
        idle.memory(bed, records, tool, "million, memory at rest")
    finally:
        tool.stop()
    verify(bed, source, target)
