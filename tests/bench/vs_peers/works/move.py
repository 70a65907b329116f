"""A directory of 10,000 files gets another name while the services run."""
import time

from vs_peers.bed import Failed
from vs_peers.measure import timed, verify
from vs_peers.works.switch import PATIENCE


def arrived(target, paths, old):
    """Waits until every one of `paths` is there and the old directory is not."""
    end = time.monotonic() + PATIENCE
    left = list(paths)
    while left or (target / old).exists():
        if time.monotonic() > end:
            raise Failed(f"{len(left)} files of the renamed directory are not there after {PATIENCE} s")
        while left and (target / left[-1]).exists():
            left.pop()
        time.sleep(0.002)
    return time.perf_counter()


def by_services(bed, records, tool, names, below, number):
    old, new = names
    wire, began = bed.wire_bytes(), time.perf_counter()
    (tool.source / old).rename(tool.source / new)
    seconds = arrived(tool.target, [f"{new}/{path}" for path in below], old) - began
    measured = {"seconds": seconds, "wire": bed.wire_bytes() - wire, "warm_up": number == 0}
    records.add("rename, services", bed, tool.name, "running", "the rename to the last of its files there", measured, "names", tool.note)


def by_run(bed, records, tool, source, mirror, number):
    measured = timed(bed, lambda: tool.sync(bed, source, mirror), mirror) | {"warm_up": number == 0}
    verify(bed, source, mirror)
    records.add("rename, services", bed, tool.name, "none", "start of the command (after the rename) to the end of `sync -f`", measured, "exact")
