"""13,685 files of 233 MB into a fresh, empty directory."""
from vs_peers.works import sources, turns


def measure(bed, records, settings):
    last = turns.into_fresh(bed, records, settings, "small", sources.small(bed, settings))
    for target in last.values():
        bed.drop(target, f"{target}.state")
