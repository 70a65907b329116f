"""The bars: what twsync has to reach in the same run. A row is (work, place, services, bar, measured, verdict)."""
from vs_peers.records import percentiles

MET, MISSED, UNMEASURED = "met", "MISSED", "not measured"


def row(work, place, services, bar, measured, good):
    return (work, place, services, bar, measured, UNMEASURED if good is None else MET if good else MISSED)


def ratio(records, work, fs, rtt, peer, limit, field="seconds", services="none", unit="s", scale=1.0):
    """twsync's median over a peer's."""
    place, bar = f"{fs}, {rtt} ms", f"≤ {limit}× {peer}" + (" in bytes" if field == "wire" else "")
    ours = records.median(work, fs, rtt, "twsync", services, field=field)
    theirs = records.median(work, fs, rtt, peer, field=field)
    if ours is None or not theirs:
        return row(work, place, services, bar, "", None)
    said = f"{ours / scale:.3f} / {theirs / scale:.3f} {unit} = {ours / theirs:.3f}"
    return row(work, place, services, bar, said, ours <= limit * theirs)


def wire(records, work, fs, rtt, limit, services="none"):
    return ratio(records, work, fs, rtt, "rsync", limit, "wire", services, "MB", 1e6)


def near_walk(records, fs):
    ours = records.median("noop", fs, 0, "twsync")
    walk = records.median("noop", fs, 0, "walk + stat")
    bar = "≤ 1.5× (walk + stat of both sides at once) + 100 ms"
    if ours is None or walk is None:
        return row("noop", f"{fs}, 0 ms", "none", bar, "", None)
    return row("noop", f"{fs}, 0 ms", "none", bar, f"{ours:.3f} s; walk + stat {walk:.3f} s, so {1.5 * walk + 0.1:.3f} s", ours <= 1.5 * walk + 0.1)


def at_most(records, work, field, limit, unit, fs="disk"):
    ours = records.median(work, fs, 0, "twsync", "running", field=field)
    scale = 1000 if unit == "ms" else 1
    said = "" if ours is None else f"{ours * scale:.2f} {unit}"
    return row(work, f"{fs}, 0 ms", "running", f"≤ {limit} {unit}", said, None if ours is None else ours * scale <= limit)


def latency(records, way):
    bar = "p50 ≤ 30 ms, p99 ≤ 100 ms"
    samples = records.samples(f"edit latency, {way}", "disk", 0, "twsync")
    if not samples:
        return row(f"edit, {way}", "disk, 0 ms", "running", bar, "", None)
    of = percentiles(samples)
    return row(f"edit, {way}", "disk, 0 ms", "running", bar, f"{of['p50']:.1f} / {of['p99']:.1f} ms of {len(samples)}", of["p50"] <= 30 and of["p99"] <= 100)


def million_place(records):
    """On disk, or where else it was measured."""
    return next((one["fs"] for one in records.find("million, rescan", tool="twsync")), "disk")


def latency_of_a_million(records, way):
    fs, name = million_place(records), f"edit at 1,000,000 entries, {way}"
    bar = "p50 ≤ 1.3× that at 84k entries, p99 ≤ 130 ms"
    here = records.samples(f"million, edit latency, {way}", fs, 0, "twsync")
    there = records.samples(f"edit latency, {way}", "disk", 0, "twsync")
    if not here or not there:
        return row(name, f"{fs}, 0 ms", "running", bar, "", None)
    a, b = percentiles(here), percentiles(there)
    said = f"{a['p50']:.1f} / {a['p99']:.1f} ms; at 84k {b['p50']:.1f} ms = {a['p50'] / b['p50']:.2f}×"
    return row(name, f"{fs}, 0 ms", "running", bar, said, a["p50"] <= 1.3 * b["p50"] and a["p99"] <= 130)


def after_checkout(records):
    """rsync starts when the checkout is done; so this counts from there."""
    bar = "the last file there ≤ 1.0× rsync, both from the end of the checkout"
    ours, theirs = (records.median("switch", "disk", 0, tool, services, field=field)
                    for tool, services, field in (("twsync", "running", "after_checkout"), ("rsync", "none", "seconds")))
    if ours is None or not theirs:
        return row("switch", "disk, 0 ms", "running", bar, "", None)
    return row("switch", "disk, 0 ms", "running", bar, f"{ours:.3f} / {theirs:.3f} s = {ours / theirs:.3f}", ours <= theirs)


def from_start(records):
    """The checkout's own time is in it, and not in rsync's."""
    found = ratio(records, "switch", "disk", 0, "rsync", 1.0, services="running")
    return (*found[:3], found[3] + ", ours from the start of the checkout, rsync's after it", *found[4:])


def whole(records):
    switches = records.find("switch", tool="twsync", services="running")
    if not switches:
        return row("switch", "everywhere", "running", "no file seen half written", "", None)
    torn, files = sum(one["torn"] for one in switches), sum(one["files"] for one in switches)
    return row("switch", "everywhere", "running", "no file seen half written", f"{torn} of {files}", torn == 0)


def bytes_an_entry(records, work):
    place = f"{million_place(records)}, 0 ms"
    peaks = [(one["pss_kb"][2], one["entries"]) for one in records.find(work, tool="twsync") if one.get("pss_kb")]
    if not peaks:
        return row(work, place, "none", "peak ≤ 600 bytes an entry, both sides", "", None)
    kilobytes, entries = max(peaks)
    each = kilobytes * 1024 / entries
    return row(work, place, "none", "peak ≤ 600 bytes an entry, both sides", f"{each:.0f} bytes ({kilobytes / 1024:.0f} MiB)", each <= 600)


def resting_memory(records):
    peak = records.peak("memory at rest", "disk", 0, "twsync")
    said = f"{peak[2] / 1024:.1f} MiB (code {peak[0] / 1024:.1f}, deploy {peak[1] / 1024:.1f})" if peak else ""
    return row("memory at rest, 84k entries", "disk, 0 ms", "running", "sum of PSS ≤ 64 MB", said, peak[2] * 1024 <= 64e6 if peak else None)


def wakeups(records):
    found = records.find("wakeups at rest", "disk", 0, "twsync")
    worst = max((one["worst"] for one in found), default=None)
    who = ", ".join(f"{name.split()[0].removeprefix('twsync-')} {rate:.2f}" for one in found for name, rate in one["rates"].items())
    return row("wakeups at rest", "disk, 0 ms", "running", "≤ 0.2 a second for each process", who, None if worst is None else worst <= 0.2)


def never_degraded(records):
    found = records.find("first, services", tool="twsync")
    said = "; ".join(sorted({one for record in found for one in record["said"] if one}))
    return row("first, services", "everywhere", "running", "own events never end in \"degraded\"", said, not any(one["degraded"] for one in found) if found else None)


def all_bars(records):
    rows = [ratio(records, "first", "disk", 0, "rsync", 0.7), ratio(records, "first", "disk", 0, "tar", 1.0),
            ratio(records, "first", "tmpfs", 0, "rsync", 0.7),
            ratio(records, "noop", "disk", 0, "rsync", 0.4), near_walk(records, "disk"), at_most(records, "noop, services", "seconds", 50, "ms")]
    ways = ("code to deploy", "deploy to code")
    rows += [latency(records, way) for way in ways] + [latency_of_a_million(records, way) for way in ways]
    rows += [after_checkout(records), from_start(records), whole(records)]
    for work in ("edit", "insert"):
        for fs in ("disk", "tmpfs"):
            rows += [ratio(records, work, fs, 0, "rsync", 0.6), wire(records, work, fs, 0, 0.5)]
    rows += [ratio(records, "small", "disk", 40, "rsync", 0.7), ratio(records, "small", "disk", 40, "mutagen", 0.9)]
    for work, services in (("rename", "none"), ("rename, services", "running")):
        rows += [ratio(records, work, "disk", 0, "rsync", 0.1, services=services), wire(records, work, "disk", 0, 0.01, services)]
    rows += [ratio(records, "million, rescan", million_place(records), 0, "rsync", 0.5)]
    rows += [bytes_an_entry(records, work) for work in ("million, first", "million, rescan")]
    return rows + [resting_memory(records), wakeups(records), never_degraded(records)]
