"""How much is measured: the full size of the bars, or a quick run that shows that the benchmark itself works."""
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Settings:
    build: Path
    bin: Path
    tools: list
    keep: bool = False
    quick: bool = False
    rounds: int = 3
    tree_files: int = 78_579      # of the plain tree, where the source of Linux can't be had
    small_files: int = 13_685
    small_bytes: int = 233_000_000
    big_bytes: int = 1 << 30
    renamed_files: int = 10_000
    switched_files: int = 5_000
    entries: int = 1_000_000
    edits: int = 200
    slow_edits: int = 20
    rest_syncs: int = 21
    idle_seconds: int = 60
    tree: Path = None
    places: list = field(default_factory=list)   # (work, file system, round trip in ms)

    def make_quick(self):
        self.quick, self.rounds = True, 1
        self.tree_files, self.small_files, self.small_bytes = 300, 200, 400_000
        self.big_bytes, self.renamed_files, self.switched_files, self.entries = 8 << 20, 100, 60, 1_500
        self.edits, self.slow_edits, self.rest_syncs, self.idle_seconds = 8, 2, 5, 2


WORKS = ("first", "noop", "small", "big", "rename", "live", "idle", "peers-live", "live-first", "million")
PLAN = (
    ("first", "disk", 0), ("first", "tmpfs", 0), ("noop", "disk", 0), ("noop", "tmpfs", 0),
    ("small", "disk", 0), ("small", "disk", 40), ("small", "tmpfs", 0), ("small", "tmpfs", 40),
    ("big", "disk", 0), ("big", "tmpfs", 0), ("big", "disk", 40),
    ("rename", "disk", 0), ("rename", "tmpfs", 0), ("rename", "disk", 40),
    ("live", "disk", 0), ("live", "disk", 40), ("live", "tmpfs", 0), ("idle", "disk", 0),
    ("peers-live", "disk", 0), ("live-first", "disk", 0), ("live-first", "disk", 40),
    ("million", "disk", 0),
)
QUICK_PLAN = (("first", "tmpfs", 0),) + tuple((work, "disk", 40 if work == "small" else 0) for work in WORKS)


def everywhere():
    return tuple((work, fs, rtt) for fs in ("disk", "tmpfs") for rtt in (0, 40) for work in WORKS)
