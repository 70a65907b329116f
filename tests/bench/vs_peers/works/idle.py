"""Memory and wakeups of everything that runs for a tree at rest, both sides; the system's sshd is not counted."""
import time

from peak_pss import below, parents, pss
from vs_peers.measure import comm, switches
from vs_peers.tools.twsync import Services
from vs_peers.trees import copy
from vs_peers.works import live, sources


def processes(bed, tool):
    """(started here, below the sshd); syncthing's instances both count as started here."""
    table = parents()
    code = [pid for process in tool.processes for pid in below(process.pid, table)]
    deploy = [pid for pid in below(bed.sshd_pid, table) if not comm(pid).startswith("sshd")]
    return code, deploy


def name_of(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as line:
        return line.read().split(b"\0")[0].decode(errors="replace").rsplit("/", 1)[-1].split(".")[0]


def memory(bed, records, tool, work="memory at rest"):
    code, deploy = processes(bed, tool)
    sums = [pss(code), pss(deploy)]
    records.add(work, bed, tool.name, "running", "sum of PSS of all its processes of both sides, after a rest",
                {"pss_kb": [*sums, sum(sums)], "processes": len(code) + len(deploy)}, None, tool.note)


def wakeups(bed, records, tool, seconds):
    """Of what lives all the time; a thread that ended meanwhile was not at rest."""
    names = {pid: f"{name_of(pid)} {pid}" for side in processes(bed, tool) for pid in side}
    before = {pid: switches(pid) for pid in names}
    time.sleep(seconds)
    rates = {}
    for pid, threads in before.items():
        after = switches(pid)
        if after:
            rates[names[pid]] = round(sum(count - threads.get(task, 0) for task, count in after.items()) / seconds, 3)
    records.add("wakeups at rest", bed, tool.name, "running",
                f"voluntary context switches of each process over {seconds} s, after as long a rest",
                {"rates": rates, "worst": max(rates.values())}, None, tool.note)


def measure(bed, records, settings):
    """After a first sync of the whole tree and a rest, in which sessions and workers that were needed for it end."""
    if Services.name not in settings.tools or Services.missing(settings):
        return
    source, target = bed.fresh("idle-source"), bed.fresh("idle-target")
    copy(sources.full(bed, settings), source)
    tool = Services(bed, source, target)
    try:
        live.first(bed, records, tool)
        live.settle(tool)
        time.sleep(settings.idle_seconds)
        memory(bed, records, tool)
        wakeups(bed, records, tool, settings.idle_seconds)
    finally:
        tool.stop()
    bed.drop(source, target)
