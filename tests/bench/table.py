#!/usr/bin/env python3
"""table.py RAW: the table of vs_peers.sh from its raw lines (tab-separated: round, work, tool, seconds, wire bytes, PSS in kB
of the code side and of the server side; round 0 is the warm-up that memory is taken from and times are not). Ends with 1 when
a bar is missed."""
import statistics
import sys
from collections import defaultdict

# work: twsync's median over rsync's may be at most this.
BARS = {"first": 1.2, "noop": 1.0}
PSS_CODE_KB = 200 * 1024


def load(path):
    times, wire, memory, order = defaultdict(list), defaultdict(list), {}, []
    with open(path) as lines:
        for line in lines:
            turn, work, tool, seconds, sent, code, server = line.rstrip("\n").split("\t")
            key = (work, tool)
            if key not in order:
                order.append(key)
            if turn == "0":
                memory[key] = (int(code), int(server))
            else:
                times[key].append(float(seconds))
                wire[key].append(int(sent))
    return times, wire, memory, sorted(order, key=lambda key: [w for w, _ in order].index(key[0]))


def verdict(work, tool, ratio, code_kb):
    if tool != "twsync":
        return "", True
    notes, good = [], True
    if work in BARS and ratio is not None:
        met = ratio <= BARS[work]
        good &= met
        notes.append(f"{'PASS' if met else 'FAIL'} time <= {BARS[work]}x rsync")
    if code_kb:
        met = code_kb <= PSS_CODE_KB
        good &= met
        notes.append(f"{'PASS' if met else 'FAIL'} PSS <= {PSS_CODE_KB // 1024} MB")
    return ", ".join(notes), good


def main():
    times, wire, memory, order = load(sys.argv[1])
    head = ("work", "tool", "rounds", "median s", "min", "max", "/rsync", "/tar", "wire MB", "PSS code", "PSS server", "")
    rows, all_good = [], True
    for work, tool in order:
        taken = times[(work, tool)]
        if not taken:
            continue
        median = statistics.median(taken)

        def over(other):
            peer = times.get((work, other))
            return median / statistics.median(peer) if peer else None

        code_kb, server_kb = memory.get((work, tool), (0, 0))
        note, good = verdict(work, tool, over("rsync"), code_kb)
        all_good &= good
        ratios = [f"{r:.2f}" if r is not None else "-" for r in (over("rsync"), over("tar"))]
        rows.append((work, tool, str(len(taken)), f"{median:.2f}", f"{min(taken):.2f}", f"{max(taken):.2f}", *ratios,
                     f"{statistics.median(wire[(work, tool)]) / 1e6:.2f}",
                     f"{code_kb / 1024:.0f} MB", f"{server_kb / 1024:.0f} MB", note))
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        print("  ".join(cell.ljust(width) if i in (0, 1, len(head) - 1) else cell.rjust(width)
                        for i, (cell, width) in enumerate(zip(row, widths))).rstrip())
    return 0 if all_good else 1


sys.exit(main())
