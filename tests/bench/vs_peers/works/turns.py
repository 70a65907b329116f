"""One work by every tool in turn."""
from vs_peers.measure import timed, verify
from vs_peers.tools import RUN_TOOLS, present

COMMAND = "start of the command to the end of `sync -f` of the target"


def tools_for(work, settings):
    return [tool() for tool in present(RUN_TOOLS, settings) if work in tool.works]


def turn(tools, number):
    """Another one first each time."""
    shift = number % len(tools) if tools else 0
    return tools[shift:] + tools[:shift]


def once(bed, records, work, tool, source, target, number, *options):
    """Round 0 warms caches, installs agents and gives the memory; its time does not count."""
    measured = timed(bed, lambda: tool.sync(bed, source, target, *options), target, sample_memory=number == 0)
    verify(bed, source, target, tool.exact)
    records.add(work, bed, tool.name, tool.services, COMMAND, measured, "exact" if tool.exact else "bytes, kinds, links")


def into_fresh(bed, records, settings, work, source):
    """Rounds of a whole tree into a fresh, empty directory; the last target of each tool."""
    last = {}
    tools = tools_for(work, settings)
    for number in range(settings.rounds + 1):
        for tool in turn(tools, number):
            if tool.slow and number != 1:
                continue
            target = bed.fresh(f"{work}-{tool.name.replace(' ', '-')}")
            once(bed, records, work, tool, source, target, number)
            if tool.name in last:
                bed.drop(last[tool.name], f"{last[tool.name]}.state")
            last[tool.name] = target
    return last
