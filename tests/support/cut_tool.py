"""Trees as manifests, and whether a sync after a power cut kept what it must.

trees DIR FILE...           writes the manifest of what stands in DIR, as JSON, to FILE; any number of pairs
differ LIVE COPY            one line: how a copy of a disk differs from the live tree
judge WHEN RESULT SURVIVOR... reads old, new, copy and the two trees afterwards; see judge()
"""
import hashlib
import json
import os
import stat
import sys


def entry(path):
    try:
        st = os.lstat(path)
        kind = stat.S_IFMT(st.st_mode)
        if kind == stat.S_IFLNK:
            return ["link", os.readlink(path)]
        if kind == stat.S_IFDIR:
            return ["directory", st.st_mode & 0o7777]
        with open(path, "rb") as f:
            digest = hashlib.sha256(f.read()).hexdigest()
        return ["file", st.st_mode & 0o7777, st.st_mtime_ns, st.st_size, digest]
    except OSError as e:
        return ["unreadable", e.errno]


def tree(root):
    found = {}
    for above, directories, files in os.walk(root):
        if above == root and ".twsync" in directories:
            directories.remove(".twsync")
        if above == root and "lost+found" in directories:
            directories.remove("lost+found")
        for name in directories + files:
            path = os.path.join(above, name)
            found[os.path.relpath(path, root)] = entry(path)
    return found


def load(name):
    with open(name) as f:
        return json.load(f)


def is_empty(e):
    return e is not None and e[0] == "file" and e[3] == 0


def differ(live, copy):
    absent = sum(1 for p in live if p not in copy)
    more = sum(1 for p in copy if p not in live)
    changed = [p for p in live if p in copy and copy[p] != live[p]]
    empty = sum(1 for p in changed if is_empty(copy[p]) and not is_empty(live[p]))
    if not (absent or more or changed):
        return "identical"
    return f"{absent} absent, {more} still there, {empty} empty, {len(changed) - empty} otherwise different"


def judge(when, directory, survivors):
    """What stands afterwards must be, on both sides alike and path by path, whole: the old or the new version. The new
    one where it had been reported as done (when = done), or where a survivor had it. Only what nobody but the cut disk
    ever had (a person's own unflushed new file; one that was renamed by then, and whose rename the cut took back) may be
    as the cut left it."""
    old, new, copy = (load(f"{directory}/{n}.json") for n in ("old", "new", "copy"))
    code, deploy = (load(f"{directory}/{n}.after.json") for n in ("code", "deploy"))
    kept = [load(s) for s in survivors]
    problems = []
    good = touched = 0
    for path in sorted(set(old) | set(new) | set(code) | set(deploy)):
        before, after, now = old.get(path), new.get(path), code.get(path)
        if deploy.get(path) != now:
            problems.append(f"{path}: code {now}, deploy {deploy.get(path)}")
            continue
        if before != after:
            touched += 1
        must = when == "done" or any(k.get(path) == after and before != after for k in kept)
        allowed = [after] if must else [before, after]
        unknown = before is None and (after is None or not must)
        if unknown and all(k.get(path) in (None, copy.get(path)) for k in kept):
            allowed.append(copy.get(path))
        if now not in allowed:
            problems.append(f"{path}: {now}, not {'the new' if must else 'the old or the new'} version")
        elif now == after and before != after:
            good += 1
    print(f"{good}/{touched} new")
    for problem in problems[:5]:
        print(problem)
    return not problems


def main(words):
    if words[0] == "trees":
        for root, name in zip(words[1::2], words[2::2]):
            with open(name, "w") as f:
                json.dump(tree(root), f, sort_keys=True)
    elif words[0] == "differ":
        print(differ(load(words[1]), load(words[2])))
    elif not judge(words[1], words[2], words[3:]):
        sys.exit(1)


main(sys.argv[1:])
