"""The whole tree into a fresh, empty directory."""
from vs_peers.works import sources, turns


def measure(bed, records, settings):
    source = sources.full(bed, settings)
    bed.__dict__.setdefault("full_targets", {})[bed.rtt] = turns.into_fresh(bed, records, settings, "first", source)
