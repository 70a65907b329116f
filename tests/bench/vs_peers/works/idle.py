"""Memory and wakeups of everything that runs for a tree at rest, both sides; the system's sshd is not counted."""
import time

from peak_pss import below, parents, pss
from vs_peers.measure import comm, switches


def processes(bed, tool):
    table = parents()
    code = [process.pid for process in tool.processes]
    deploy = [pid for pid in below(bed.sshd_pid, table) if not comm(pid).startswith("sshd")]
    return code, deploy


def name_of(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as line:
        return line.read().split(b"\0")[0].decode(errors="replace").rsplit("/", 1)[-1].split(".")[0]


def memory(bed, records, tool, work="memory at rest"):
    code, deploy = processes(bed, tool)
    sums = [pss(code), pss(deploy)]
    records.add(work, bed, tool.name, "running", "sum of PSS of all its processes of both sides, at rest",
                {"pss_kb": [*sums, sum(sums)], "processes": len(code) + len(deploy)}, None, tool.note)


def wakeups(bed, records, tool, seconds):
    pids = [pid for side in processes(bed, tool) for pid in side]
    before = {pid: switches(pid) for pid in pids}
    time.sleep(seconds)
    rates = {f"{name_of(pid)} {pid}": (switches(pid) - before[pid]) / seconds for pid in pids}
    records.add("wakeups at rest", bed, tool.name, "running", f"voluntary context switches of each process over {seconds} s",
                {"rates": {name: round(rate, 3) for name, rate in rates.items()}, "worst": max(rates.values())}, None, tool.note)
