#!/usr/bin/env python3
"""live.py CODE DEPLOY EDITS: EDITS small edits one by one on each side; prints the milliseconds from the close of the file
to the new bytes standing on the other side: median and 99th percentile, per direction."""
import os
import sys
import time


def one(source, target, text):
    with open(source, "w") as file:
        file.write(text)
    began = time.perf_counter()
    while time.perf_counter() - began < 60:
        try:
            with open(target) as file:
                if file.read() == text:
                    return (time.perf_counter() - began) * 1000
        except OSError:
            pass
        time.sleep(0.0005)
    sys.exit(f"{target}: not there after 60 s")


def main():
    code, deploy, edits = sys.argv[1], sys.argv[2], int(sys.argv[3])
    for name, source, target in (("code to deploy", code, deploy), ("deploy to code", deploy, code)):
        path = "bench-live-" + name.split()[0]
        times = []
        for n in range(edits + 3):
            took = one(os.path.join(source, path), os.path.join(target, path), f"edit {n} of {name}\n")
            times.append(took)
            time.sleep(0.05)
        times = sorted(times[3:])
        print(f"{name}: p50 {times[len(times) // 2]:.1f} ms, p99 {times[min(len(times) - 1, len(times) * 99 // 100)]:.1f} ms")


main()
