"""What was measured, one dict a run, kept as JSON lines while it goes on."""
import json
import os
import statistics


class Records:
    def __init__(self, path):
        self.path, self.all = path, []
        if path.exists():
            self.all = [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()]

    def add(self, work, bed, tool, services, event, measured, verified=None, note=""):
        """event: from which event to which; measured: seconds or samples_ms, and wire, pss_kb, ..."""
        record = {"work": work, "fs": bed.fs, "rtt": bed.rtt, "tool": tool, "services": services, "event": event,
                  "verified": verified, "note": note, "load": round(os.getloadavg()[0], 1), **measured}
        self.all.append(record)
        with open(self.path, "a", encoding="utf8") as out:
            out.write(json.dumps(record) + "\n")
        shown = {name: value for name, value in measured.items() if name != "samples_ms"}
        if "samples_ms" in measured:
            shown |= {"edits": len(measured["samples_ms"]), **percentiles(measured["samples_ms"])}
        print(f"{work} {bed.fs} {bed.rtt} ms {tool}: {json.dumps(shown)}", flush=True)

    def find(self, work, fs=None, rtt=None, tool=None, services=None):
        wanted = {"work": work, "fs": fs, "rtt": rtt, "tool": tool, "services": services}
        return [one for one in self.all if all(value is None or one[name] == value for name, value in wanted.items())]

    def load(self):
        """The machine's load while it was measured, smallest and largest."""
        loads = [one["load"] for one in self.all if "load" in one]
        return f"{min(loads)} to {max(loads)}" if loads else "-"

    def median(self, *key, field="seconds", **more):
        """None where nothing was measured."""
        values = [one[field] for one in self.find(*key, **more) if one.get(field) is not None and not one.get("warm_up")]
        return statistics.median(values) if values else None

    def samples(self, *key, **more):
        return [sample for one in self.find(*key, **more) for sample in one.get("samples_ms", ())]

    def peak(self, *key, **more):
        """[code side, deploy side, both at once] in kB."""
        peaks = [one["pss_kb"] for one in self.find(*key, **more) if one.get("pss_kb")]
        return [max(peak[i] for peak in peaks) for i in range(3)] if peaks else None


def percentiles(samples):
    ordered = sorted(samples)
    return {"p50": ordered[len(ordered) // 2], "p99": ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]}
