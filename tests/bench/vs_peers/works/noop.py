"""Again, with nothing changed; beside it the walk and stat of both sides at once."""
from vs_peers.works import sources, turns


def measure(bed, records, settings):
    source = sources.full(bed, settings)
    targets = bed.__dict__.setdefault("full_targets", {}).setdefault(bed.rtt, {})
    tools = turns.tools_for("noop", settings)
    for tool in tools:
        if tool.name not in targets and tool.name != "walk + stat":
            targets[tool.name] = bed.fresh(f"noop-{tool.name}")
            tool.sync(bed, source, targets[tool.name])
    targets["walk + stat"] = next(iter(targets.values()))
    for number in range(settings.rounds + 1):
        for tool in turns.turn(tools, number):
            turns.once(bed, records, "noop", tool, source, targets[tool.name], number)
