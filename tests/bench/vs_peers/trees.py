"""The trees that are synced, made here: the source of Linux (Debian's package), parts of it, and plain ones by number."""
import os
import random
import shutil
import subprocess
from pathlib import Path


def plain(path, files, mean_bytes, seed=1):
    """A tree by number: 20 files a directory, three levels, sizes spread around the mean, text that compresses as code does."""
    draw = random.Random(seed)
    words = [draw.randbytes(3).hex() for _ in range(400)]
    for n in range(files):
        directory = path / f"part{n // 2000}" / f"sub{n // 200 % 10}" / f"dir{n // 20 % 10}"
        directory.mkdir(parents=True, exist_ok=True)
        size = int(mean_bytes * draw.choice((0.1, 0.3, 0.5, 1, 1, 3.1)))
        text = " ".join(draw.choices(words, k=size // 7 + 1))
        (directory / f"file{n}.c").write_text(f"{n} {text}\n", encoding="ascii")
    (path / "link").symlink_to("part0/sub0/dir0/file0.c")


def copy(source, target):
    subprocess.run(["cp", "-a", f"{source}/.", target], check=True)
    shutil.rmtree(target / ".twsync", ignore_errors=True)


def files_of(tree):
    """(path below, size) of each file, in order."""
    found = []
    for folder, folders, names in os.walk(tree):
        folders.sort()
        if Path(folder) == Path(tree) and ".twsync" in folders:
            folders.remove(".twsync")
        for name in sorted(names):
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                found.append((os.path.relpath(path, tree), os.path.getsize(path)))
    return found


def window(tree, count, total):
    """The `count` files in a row whose sizes sum up nearest to `total` bytes."""
    files = files_of(tree)
    if len(files) <= count:
        return [path for path, _ in files]
    have = sum(size for _, size in files[:count])
    best, at = abs(have - total), 0
    for first in range(1, len(files) - count + 1):
        have += files[first + count - 1][1] - files[first - 1][1]
        if abs(have - total) < best:
            best, at = abs(have - total), first
    return [path for path, _ in files[at:at + count]]


def copy_files(tree, paths, target):
    for path in paths:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(tree / path, target / path)


def big_file(path, size, seed=1):
    draw = random.Random(seed)
    with open(path, "wb") as file:
        for _ in range(size >> 20):
            file.write(draw.randbytes(1 << 20))


def many(path, entries):
    """`entries` small files, 1,000 a directory; the directories count too."""
    left = entries
    while left > 1:
        directory = path / f"dir{left:07}"
        directory.mkdir()
        for n in range(min(left - 1, 1000)):
            (directory / f"f{n}").write_bytes(b"content of %d\n" % (left - n))
        left -= min(left - 1, 1000) + 1
