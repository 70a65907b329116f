"""Trees as manifests, and whether a sync after a power cut kept what it must.

trees DIR FILE...           writes the manifest of what stands in DIR to FILE (marshal: thousands of runs import nothing
                            larger), the same bytes for the same tree; any number of pairs
copied RESULT SIDE CODE DEPLOY
                            writes the manifests of a disk's copy (of SIDE, or neither) that took its place, and one line:
                            how it differs from the live disk; fails if it does not
judge WHEN RESULT CODE DEPLOY SURVIVOR...
                            compares old, new, copy and both trees as they are now; see judge()
"""
import hashlib
import marshal
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
    with open(name, "rb") as f:
        return marshal.load(f)


def save(found, name):
    with open(name, "wb") as f:
        marshal.dump(dict(sorted(found.items())), f, 0)


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


def copied(directory, side, code, deploy):
    live, copy = {}, {}
    for name, root in ("code", code), ("deploy", deploy), ("notes", f"{directory}/disk/notes"):
        live[name] = load(f"{directory}/{name}.live.tree")
        copy[name] = tree(root)
        save(copy[name], f"{directory}/{name}.copy.tree")
    save(copy[side or "code"], f"{directory}/copy.tree")
    how = differ(live[side], copy[side]) if side else "the state of that moment"
    notes = differ(live["notes"], copy["notes"])
    print(f"{how}; notes: {notes}")
    return not (how == notes == "identical")


def judge(when, directory, roots, survivors):
    """What stands afterwards must be, on both sides alike and path by path, whole: the old or the new version. The new
    one where it had been reported as done (when = done), or where a survivor had it. Only what nobody but the cut disk
    ever had (a person's own unflushed new file; one that was renamed by then, and whose rename the cut took back) may be
    as the cut left it."""
    old, new, copy = (load(f"{directory}/{n}.tree") for n in ("old", "new", "copy"))
    code, deploy = (tree(root) for root in roots)
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
            save(tree(root), name)
        return True
    if words[0] == "copied":
        return copied(*words[1:])
    return judge(words[1], words[2], words[3:5], words[5:])


sys.exit(0 if main(sys.argv[1:]) else 1)
