"""The tables: the bars, and every work by every tool. Markdown, which is also read well as it is."""
from vs_peers import bars
from vs_peers.records import percentiles

SAID = {"first": "first sync, whole tree", "noop": "nothing changed", "small": "first sync, 13,685 files", "edit": "1 GiB file, 4 KiB edited",
        "insert": "1 GiB file, 1 byte inserted", "rename": "directory of 10,000 files renamed", "switch": "git checkout, 5,000 files",
        "noop, services": "nothing changed", "first, services": "first sync, whole tree",
        "rename, services": "directory of 10,000 files renamed", "million, first": "first sync, 1,000,000 entries",
        "million, rescan": "rescan of 1,000,000 entries", "million, memory at rest": "memory at rest, 1,000,000 entries"}


def markdown(head, rows):
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in [head, *rows]]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def time_cells(records, key):
    """(runs, median, smallest and largest)"""
    samples = records.samples(*key)
    if samples:
        of = percentiles(samples)
        return str(len(samples)), f"p50 {of['p50']:.1f} ms, p99 {of['p99']:.1f} ms", f"{min(samples):.1f}–{max(samples):.1f} ms"
    times = [one["seconds"] for one in records.find(*key) if one.get("seconds") is not None and not one.get("warm_up")]
    if not times:
        return "-", "-", "-"
    return str(len(times)), f"{records.median(*key):.3f} s", f"{min(times):.3f}–{max(times):.3f}"


def over_rsync(records, key):
    work, fs, rtt, tool, _ = key
    ours, theirs = records.median(*key), records.median(work, fs, rtt, "rsync")
    return f"{ours / theirs:.2f}" if ours is not None and theirs and tool != "rsync" else "-"


def cells(records, key):
    work, fs, rtt, tool, services = key
    found = records.find(*key)
    wire = records.median(*key, field="wire")
    peak = records.peak(*key)
    note = "; ".join(sorted({one["note"] for one in found if one["note"]}))
    return (SAID.get(work, work.replace("million, edit", "1,000,000 entries: edit")), f"{fs}, {rtt} ms", tool, services, *time_cells(records, key),
            over_rsync(records, key), "-" if wire is None else f"{wire / 1e6:.3f}",
            f"{peak[0] / 1024:.0f} + {peak[1] / 1024:.0f}" if peak else "-", found[0]["event"], found[0]["verified"] or "-", note)


def all_works(records):
    keys = list(dict.fromkeys((one["work"], one["fs"], one["rtt"], one["tool"], one["services"]) for one in records.all))
    order = list(dict.fromkeys(key[0] for key in keys))
    keys.sort(key=lambda key: (order.index(key[0]), key[1], key[2]))
    head = ("work", "place, round trip", "tool", "services", "runs", "median", "range", "/rsync", "wire MB", "PSS MiB code + deploy",
            "from → to", "compared", "note")
    return markdown(head, [cells(records, key) for key in keys])


def all_bars(records):
    head = ("work", "place, round trip", "services", "bar", "measured", "verdict")
    rows = [(SAID.get(row[0], row[0]), *row[1:]) for row in bars.all_bars(records)]
    return markdown(head, rows)
