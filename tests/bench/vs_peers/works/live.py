"""twsync's services from an empty deploy side on: first sync, at rest, edits, a branch switch, a renamed directory."""
import time

from vs_peers.bed import Failed
from vs_peers.measure import flush, run, verify
from vs_peers.tools.rsync import Rsync
from vs_peers.tools.twsync import Services
from vs_peers.trees import copy, files_of
from vs_peers.works import edits, move, sources, switch

MOVED = "bench-moved-{}"


def until(condition, seconds, what, pause=0.2):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds} s")
        time.sleep(pause)


def first(bed, records, tool):
    """Samples `status` all the time: it may say that it catches up, never that it is degraded."""
    said, began = set(), time.perf_counter()
    tool.start()

    def look():
        tool.check()
        said.add(str(tool.status().get("watch", "")))
        return tool.synced()

    until(look, 1800, "the first sync with the services running")
    seconds = time.perf_counter() - began
    verify(bed, tool.source, tool.target)
    until(tool.quiet, 120, "quiet after the first sync")
    said.add(str(tool.status().get("watch", "")))
    records.add("first, services", bed, tool.name, "running", "start of the services to `in_sync` with nothing to do",
                {"seconds": seconds, "said": sorted(said), "degraded": any("degraded" in one for one in said)}, "exact")


def at_rest(bed, records, tool, count):
    for number in range(count + 1):
        wire, began = bed.wire_bytes(), time.perf_counter()
        tool.command("sync", "--quiet")
        measured = {"seconds": time.perf_counter() - began, "wire": bed.wire_bytes() - wire, "warm_up": number == 0}
        records.add("noop, services", bed, tool.name, "running", "start of `twsync sync` to its end, a cookie through both watches", measured)


def settle(tool):
    until(tool.quiet, 120, "quiet")
    time.sleep(0.5)
    until(tool.quiet, 120, "quiet")


def storms(bed, records, settings, tool, repository, below):
    """The branch switch and the rename, beside each one rsync run of the same change to a mirror."""
    mirror, rsync = bed.fresh("mirror"), Rsync()
    with_rsync = "rsync" in settings.tools and Rsync.missing(settings) is None
    if with_rsync:
        run(["rsync", "-a", "--exclude=/.twsync", f"{tool.source}/", f"{mirror}/"])
        flush(mirror)
    for number in range(settings.rounds + 1):
        settle(tool)
        switch.by_services(bed, records, tool, repository, number)
        settle(tool)
        if with_rsync:
            switch.by_run(bed, records, rsync, repository, mirror, number)
        verify(bed, tool.source, tool.target)
    for number in range(settings.rounds + 1):
        settle(tool)
        move.by_services(bed, records, tool, (MOVED.format(number), MOVED.format(number + 1)), below, number)
        settle(tool)
        verify(bed, tool.source, tool.target)
        if with_rsync:
            move.by_run(bed, records, rsync, tool.source, mirror, number)


def measure(bed, records, settings):
    if Services.name not in settings.tools or Services.missing(settings):
        return
    source, target = bed.fresh("live-source"), bed.fresh("live-target")
    copy(sources.full(bed, settings), source)
    moved = source / MOVED.format(0)
    moved.mkdir()
    copy(sources.renamed(bed, settings) / "moved-0", moved)
    below = [path for path, _ in files_of(moved)]
    repository = switch.Repository(bed, source, settings.switched_files)
    tool = Services(bed, source, target)
    try:
        first(bed, records, tool)
        at_rest(bed, records, tool, settings.rest_syncs)
        edits.measure(bed, records, tool, settings.edits)
        settle(tool)
        storms(bed, records, settings, tool, repository, below)
        verify(bed, source, target)
    finally:
        tool.stop()
    bed.drop(source, target)
