#!/usr/bin/env python3
"""peak_pss.py OUT SSHD-PID COMMAND...: runs COMMAND and samples, every 50 ms, the sum of PSS of its processes (code side) and
of everything below the sshd (server side; the agent or the peer's server included). Writes "CODE-KB SERVER-KB" to OUT, each
the peak of its sum; ends with COMMAND's exit code."""
import os
import subprocess
import sys
import time


def parents():
    table = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as stat:
                    table[int(name)] = int(stat.read().rsplit(b")", 1)[1].split()[1])
            except OSError:
                pass
    return table


def below(root, table):
    found = [root]
    for pid in found:
        found.extend(child for child, parent in table.items() if parent == pid)
    return found


def pss(pids):
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", "rb") as rollup:
                for line in rollup:
                    if line.startswith(b"Pss:"):
                        total += int(line.split()[1])
                        break
        except OSError:
            pass
    return total


def main():
    out, sshd, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    process = subprocess.Popen(command)
    peaks = [0, 0]
    while process.poll() is None:
        table = parents()
        for i, root in enumerate((process.pid, sshd)):
            peaks[i] = max(peaks[i], pss(below(root, table)))
        time.sleep(0.05)
    with open(out, "w") as file:
        print(*peaks, file=file)
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


if __name__ == "__main__":
    sys.exit(main())
