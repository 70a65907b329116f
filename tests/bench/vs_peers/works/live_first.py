"""First syncs of the other tools that watch, once each: of the 13,685 files, and of the whole tree."""
from vs_peers.measure import timed, verify
from vs_peers.tools import LIVE_TOOLS, present
from vs_peers.works import sources


def one(bed, records, work, kind, tree):
    source, target = bed.fresh(f"{kind.name}-source"), bed.fresh(f"{kind.name}-target")
    sources.trees.copy(tree, source)
    tool = kind(bed, source, target)
    try:
        tool.prepare()
        measured = timed(bed, tool.carry, target)
    finally:
        tool.stop()
    verify(bed, source, target, tool.exact)
    records.add(work, bed, tool.name, tool.services, tool.first, measured, "exact" if tool.exact else "bytes, kinds, links", tool.note)
    bed.drop(source, target)


def measure(bed, records, settings):
    for kind in present(LIVE_TOOLS, settings):
        if kind.first:
            one(bed, records, "small", kind, sources.small(bed, settings))
            if bed.rtt == 0:
                one(bed, records, "first", kind, sources.full(bed, settings))
