"""The trees of a bed, each made when it is first needed."""
from vs_peers import trees


def made(bed, name, make):
    cache = bed.__dict__.setdefault("sources", {})
    if name not in cache:
        cache[name] = bed.fresh(f"source-{name}")
        make(cache[name])
    return cache[name]


def full(bed, settings):
    def make(path):
        if settings.tree:
            trees.copy(settings.tree, path)
        else:
            trees.plain(path, settings.tree_files, 16_000)
    return made(bed, "full", make)


def part(bed, settings, name, count, total, below=""):
    """`count` files of about `total` bytes, in a row out of the full tree."""
    def make(path):
        tree = settings.tree or full(bed, settings)
        trees.copy_files(tree, trees.window(tree, count, total), path / below)
    return made(bed, name, make)


def small(bed, settings):
    return part(bed, settings, "small", settings.small_files, settings.small_bytes)


def renamed(bed, settings):
    return part(bed, settings, "renamed", settings.renamed_files, settings.renamed_files * 16_000, "moved-0")
