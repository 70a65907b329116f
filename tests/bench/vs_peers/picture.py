"""The picture of the table: for each work a bar a tool. SVG, readable on light and dark ground."""
from html import escape

from vs_peers.records import percentiles

WIDTH, LEFT, BAR, GAP, HEAD = 760, 96, 15, 16, 24
GROUPS = (
    ("first sync, whole tree, disk", "first", "disk", 0), ("nothing changed, disk", "noop", "disk", 0),
    ("edit → visible on the other side (median)", "edit latency, code to deploy", None, 0),
    ("5,000 files there after a git checkout", "switch", None, 0), ("13,685 files at 40 ms round trip", "small", None, 40),
    ("1 GiB file, 4 KiB edited, tmpfs", "edit", "tmpfs", 0),
)
STYLE = """text{font:12px system-ui,sans-serif;fill:#6e7781}.t{font-weight:600}.p{fill:#8c959f}.us{fill:#0969da}.l{fill:#d0d7de}
@media(prefers-color-scheme:light){text{fill:#24292f}}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.p{fill:#6e7681}.us{fill:#58a6ff}.l{fill:#30363d}}"""


def value(records, work, fs, rtt, tool):
    """Seconds, or None; where the file system is left open, disk if it was measured there."""
    if fs is None and records.find(work, "disk", rtt, tool):
        fs = "disk"
    samples = records.samples(work, fs, rtt, tool)
    if samples:
        return percentiles(samples)["p50"] / 1000
    after = records.median(work, fs, rtt, tool, field="after_checkout")
    return records.median(work, fs, rtt, tool) if after is None else after


def said(seconds):
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def kind(tool):
    return "us" if tool == "twsync" else "l" if tool in ("walk + stat", "local copy") else "p"


def group(records, place, at):
    """(drawing, height) of one work; nothing where it was not measured."""
    title, work, fs, rtt = place
    x, y = at
    tools = list(dict.fromkeys(one["tool"] for one in records.find(work, fs, rtt)))
    values = {tool: value(records, work, fs, rtt, tool) for tool in tools}
    values = dict(sorted(((tool, v) for tool, v in values.items() if v is not None), key=lambda item: item[1]))
    if not values:
        return "", 0
    room, most = WIDTH // 2 - LEFT - 76, max(values.values())
    out = [f'<text class="t" x="{x}" y="{y + 12}">{escape(title)}</text>']
    for n, (tool, seconds) in enumerate(values.items()):
        top, length = y + HEAD + n * (BAR + 3), max(2, room * seconds / most)
        out.append(f'<text x="{x + LEFT - 8}" y="{top + 12}" text-anchor="end">{escape(tool)}</text>'
                   f'<rect class="{kind(tool)}" x="{x + LEFT}" y="{top}" width="{length:.1f}" height="{BAR}" rx="2"/>'
                   f'<text x="{x + LEFT + length + 6:.1f}" y="{top + 12}">{said(seconds)}</text>')
    return "\n".join(out), HEAD + len(values) * (BAR + 3) + GAP


def draw(records):
    heights, parts = [0, 0], []
    for place in GROUPS:
        column = 0 if heights[0] <= heights[1] else 1
        drawn, height = group(records, place, (column * WIDTH // 2, heights[column]))
        heights[column] += height
        parts.append(drawn)
    body, height = "\n".join(part for part in parts if part), max(heights)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">\n'
            f"<title>twsync beside other tools: shorter is faster</title>\n<style>{STYLE}</style>\n{body}\n</svg>\n")
