"""A file of 1 GiB that both sides have: 4 KiB of it written anew in place; one byte inserted."""
import mmap
import os
import random

from vs_peers import trees
from vs_peers.works import turns


def edit(path, draw):
    with open(path, "r+b") as file:
        file.seek(draw.randrange(path.stat().st_size - 4096))
        file.write(draw.randbytes(4096))


def insert(path, draw):
    """As an editor does: written anew beside it, then renamed."""
    at = draw.randrange(path.stat().st_size)
    with open(path, "rb") as old, open(f"{path}.new", "wb") as new:
        new.write(old.read(at))
        new.write(draw.randbytes(1))
        while block := old.read(1 << 24):
            new.write(block)
    os.rename(f"{path}.new", path)


def fetch_memory(size):
    """A virtual machine may have given its free memory back to its host, and fetches it at a fraction of memory's speed:
    each run finds as much of it there as the new version takes, whatever the run before it freed or kept."""
    memory = mmap.mmap(-1, size)
    for page in range(0, size, mmap.PAGESIZE):
        memory[page] = 1
    memory.close()


def measure(bed, records, settings):
    source = bed.fresh("source-big")
    file = source / "big"
    trees.big_file(file, settings.big_bytes)
    draw = random.Random(2)
    tools = turns.tools_for("edit", settings)
    targets = {tool.name: bed.fresh(f"big-{tool.name}") for tool in tools}
    for tool in tools:
        tool.sync(bed, source, targets[tool.name])
    for work, change in (("edit", edit), ("insert", insert)):
        for number in range(settings.rounds + 1):
            change(file, draw)
            for tool in turns.turn(tools, number):
                fetch_memory(3 * settings.big_bytes)
                turns.once(bed, records, work, tool, source, targets[tool.name], number)
    bed.drop(source, *targets.values())
