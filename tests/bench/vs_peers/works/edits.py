"""Small edits one by one, from the close of the file to the new bytes on the other side."""
import time

from vs_peers.bed import Failed

EVENT = "close of the edited file to its new bytes read on the other side"
PATIENCE = 120


def one(source, target, text):
    """Milliseconds."""
    source.write_text(text, encoding="ascii")
    began = time.perf_counter()
    while time.perf_counter() - began < PATIENCE:
        try:
            if target.read_text(encoding="ascii") == text:
                return (time.perf_counter() - began) * 1000
        except OSError:
            pass
        time.sleep(0.0005)
    raise Failed(f"{target}: not there after {PATIENCE} s")


def measure(bed, records, tool, count, work="edit latency"):
    ways = [("code to deploy", tool.source, tool.target)]
    if tool.both_ways:
        ways.append(("deploy to code", tool.target, tool.source))
    for way, source, target in ways:
        name = "bench-edit-" + way.split()[0]
        wire, samples = bed.wire_bytes(), []
        for number in range(count + 2):
            took = one(source / name, target / name, f"edit {number} {way}\n")
            if number >= 2:
                samples.append(took)
            time.sleep(0.05)
        sent = (bed.wire_bytes() - wire) // (count + 2)
        records.add(f"{work}, {way}", bed, tool.name, "running", EVENT, {"samples_ms": samples, "wire": sent}, "bytes", tool.note)
