"""A directory of 10,000 files that both sides have gets another name; no services."""
from vs_peers.works import sources, turns


def measure(bed, records, settings):
    source = bed.fresh("source-rename")
    sources.trees.copy(sources.renamed(bed, settings), source)
    tools = turns.tools_for("rename", settings)
    targets = {tool.name: bed.fresh(f"rename-{tool.name}") for tool in tools}
    for tool in tools:
        tool.sync(bed, source, targets[tool.name])
    for number in range(settings.rounds + 1):
        (source / f"moved-{number}").rename(source / f"moved-{number + 1}")
        for tool in turns.turn(tools, number):
            turns.once(bed, records, "rename", tool, source, targets[tool.name], number)
    bed.drop(source, *targets.values())
