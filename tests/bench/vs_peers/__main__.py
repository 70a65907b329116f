"""Runs the works of the plan and writes the table and the picture; see vs_peers.sh."""
import argparse
import contextlib
import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

from vs_peers import picture, settings, table, tools
from vs_peers.bars import MISSED
from vs_peers.bed import TOP, Bed, Failed, full_page_cache
from vs_peers.records import Records
from vs_peers.works import ALL


def options():
    parser = argparse.ArgumentParser(prog="vs_peers.sh")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--works", default=",".join(settings.WORKS))
    parser.add_argument("--tools", default=",".join(tools.names()))
    parser.add_argument("--fs", default="disk,tmpfs")
    parser.add_argument("--rtt", default="0,40")
    parser.add_argument("--everywhere", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--no-install", action="store_true")
    parser.add_argument("--append", action="store_true")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def settings_of(chosen):
    build = Path(os.environ.get("BUILD", TOP / "build")).resolve()
    found = settings.Settings(build=build, bin=Path(os.environ.get("TWSYNC_BIN", build / "bin")).resolve(),
                              tools=chosen.tools.split(","), keep=chosen.keep, rounds=chosen.rounds)
    if chosen.quick:
        found.make_quick()
    else:
        found.tree = Path(os.environ["TREE"]) if os.environ.get("TREE") else None
    works, systems, trips = chosen.works.split(","), chosen.fs.split(","), chosen.rtt.split(",")
    plan = settings.everywhere() if chosen.everywhere else settings.QUICK_PLAN if chosen.quick else settings.PLAN
    found.places = [place for place in plan if place[0] in works and place[1] in systems and str(place[2]) in trips]
    return found


def version(words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).splitlines()[0] if done.returncode == 0 else "-"


def circumstances(found, records):
    """What a reader has to know about the machine and the run, as lines of Markdown."""
    tree = found.tree.name if found.tree else f"a plain tree of {found.tree_files} files"
    with open("/proc/meminfo", encoding="ascii") as memory:
        size = int(memory.readline().split()[1]) // (1 << 20)
    here = [f"{os.cpu_count()} CPUs, {size} GiB, Linux {platform.release().split('-')[0]}; whole tree: {tree}; {found.rounds} rounds after a warm-up",
            f"load of the machine, our own included: {records.load()}",
            version([str(found.bin / "twsync"), "--version"])]
    versions = {"rsync": ["rsync", "--version"], "unison": ["unison", "-version"], "syncthing": ["syncthing", "--version"],
                "lsyncd": ["lsyncd", "--version"], "mutagen": ["mutagen", "version"]}
    for tool in tools.RUN_TOOLS + tools.LIVE_TOOLS:
        if tool.name in versions and tool.name in found.tools:
            absent = tool.missing(found)
            here.append(f"{tool.name}: " + (f"not measured, {absent}" if absent else version(versions[tool.name])))
    return "".join(f"- {line}\n" for line in here)


def measure(found, records):
    """Place after place; a work that fails is told and does not end the others. The number that failed."""
    failed = 0
    for fs in dict.fromkeys(place[1] for place in found.places):
        bed = Bed(found, fs)
        try:
            for work, _, rtt in (place for place in found.places if place[1] == fs):
                try:
                    bed.use(rtt)
                    print(f"== {work}, {fs}, {rtt} ms; load {os.getloadavg()[0]:.1f}", flush=True)
                    ALL[work](bed, records, found)
                except Failed as error:
                    failed += 1
                    print(f"FAILED: {work}, {fs}, {rtt} ms: {error}", flush=True)
        finally:
            bed.close()
    return failed


def write(found, records, out):
    bars = table.all_bars(records)
    text = f"# Measured by vs_peers.sh\n\n{circumstances(found, records)}\n## Bars\n\n{bars}\n## Every work\n\n{table.all_works(records)}"
    (out / "RESULTS.md").write_text(text, encoding="utf8")
    (out / "vs_peers.svg").write_text(picture.draw(records), encoding="utf8")
    print(f"\n{text}\nwritten: {out}/RESULTS.md, {out}/vs_peers.svg")
    return bars


def end(number, _):
    """Once: what follows is cleaning up."""
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    sys.exit(128 + number)


def main():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    chosen = options()
    found = settings_of(chosen)
    out = chosen.out or found.build / "bench"
    out.mkdir(parents=True, exist_ok=True)
    if not chosen.append:
        (out / "raw.jsonl").unlink(missing_ok=True)
    records = Records(out / "raw.jsonl")
    with full_page_cache() if not found.quick else contextlib.nullcontext():
        failed = measure(found, records)
    bars = write(found, records, out)
    if failed:
        return 2
    return 1 if MISSED in bars and not found.quick else 0


if __name__ == "__main__":
    sys.exit(main())
