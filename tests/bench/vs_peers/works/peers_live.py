"""The other tools that watch: edits and the branch switch, from trees that are equal when they start."""
from vs_peers.measure import verify
from vs_peers.tools import LIVE_TOOLS, present
from vs_peers.tools.twsync import Services
from vs_peers.trees import copy
from vs_peers.works import edits, idle, sources, switch
from vs_peers.works.live import until


def one(bed, records, settings, kind):
    source, target = bed.fresh(f"{kind.name}-source"), bed.fresh(f"{kind.name}-target")
    copy(sources.full(bed, settings), source)
    repository = switch.Repository(bed, source, settings.switched_files)
    copy(source, target)
    tool = kind(bed, source, target)
    try:
        tool.start()
        until(tool.synced, 1800, f"{kind.name} at rest", 0.5)
        edits.measure(bed, records, tool, settings.slow_edits)
        until(tool.synced, 300, f"{kind.name} at rest", 0.5)
        idle.memory(bed, records, tool)
        for number in range(1, 1 + min(2, settings.rounds)):
            switch.by_services(bed, records, tool, repository, number)
            until(tool.synced, 300, f"{kind.name} at rest", 0.5)
    finally:
        tool.stop()
    verify(bed, source, target, tool.exact)
    bed.drop(source, target)


def measure(bed, records, settings):
    for kind in present(LIVE_TOOLS, settings):
        if kind is not Services:
            one(bed, records, settings, kind)
