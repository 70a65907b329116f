#include "producers/cli/status_view.h"

#include <algorithm>
#include <map>

#include "common/base/clock.h"
#include "common/base/json_object.h"
#include "common/base/text.h"
#include "producers/cli/paint.h"
#include "producers/cli/printer.h"

namespace twsync {

namespace {

std::string age_text(int64_t then_ns, int64_t now_ns) {
  if (then_ns == 0) return "never";
  return str(human_duration(now_ns - then_ns), " ago");
}

std::string target_text(const DeployTarget& target) {
  if (target.local) return escape_bytes(target.path);
  return str(target.user.empty() ? "" : target.user + "@", target.host, ":", escape_bytes(target.path));
}

/// What an unclean stop of a side left to do; empty = nothing.
std::string recovery_text(const PairView& view, Side side) {
  const Recovery& recovery = view.recovery[static_cast<size_t>(side)];
  if (!recovery.doubt.active) return {};
  const std::string where = str("  the ", to_string(side), " side stopped uncleanly: ");
  if (recovery.doubt.fresh) return where + "what was synced shortly before is checked first\n";
  return str(where, recovery.audited_rows, " of ", view.entries, " entries read again, ", recovery.found,
             " of them damaged\n");
}

std::string recovery_json(const PairView& view) {
  std::string out;
  for (const Side side : {Side::code, Side::deploy}) {
    const Recovery& recovery = view.recovery[static_cast<size_t>(side)];
    if (!recovery.doubt.active) continue;
    JsonObject one;
    one.text("side", to_string(side)).flag("first_look", recovery.doubt.fresh);
    one.number("read_again", recovery.audited_rows).number("damaged", recovery.found);
    out += (out.empty() ? "" : ",") + one.str_value();
  }
  return "[" + out + "]";
}

std::string patterns_text(const std::vector<std::string>& patterns) {
  std::string out;
  for (const auto& pattern : patterns) out += str(out.empty() ? "" : ", ", escape_bytes(pattern));
  return out;
}

std::string progress_text(const Progress& progress, uint64_t bytes_per_second) {
  std::string out =
      str("  running: ", escape_bytes(progress.stage), " ", progress.files_done, "/", progress.files_total, " files, ",
          human_bytes(progress.bytes_done), "/", human_bytes(progress.bytes_total));
  if (bytes_per_second > 0) {
    out += str(", ", human_bytes(bytes_per_second), "/s");
    const uint64_t rest = progress.bytes_total - std::min(progress.bytes_total, progress.bytes_done);
    if (rest > 0) out += str(", ", human_duration(static_cast<int64_t>(rest / bytes_per_second) * kSecond), " left");
  }
  return out + "\n";
}

std::string state_text(const PairView& view, bool colours) {
  if (view.stale) return paint(colours, Colour::bad, view.status.state + ", STALE");
  const bool well = view.status.state == "idle" || view.status.state == "running";
  return paint(colours, well ? Colour::good : Colour::warning, view.status.state);
}

/// Wholly watched on both sides, or not. What the deploy side's text says is its agent's word.
Colour watch_colour(const std::string& watch) {
  const bool live = watch.starts_with("code: live") && watch.find("deploy: live") != std::string::npos;
  return live ? Colour::good : Colour::warning;
}

std::string pair_text(const PairView& view, int64_t now_ns, bool colours) {
  const PairStatus& status = view.status;
  if (status.state == "misconfigured")
    return str(paint(colours, Colour::strong, "pair " + view.config.name), ": ",
               paint(colours, Colour::bad, "misconfigured: "), escape_bytes(status.last_error), "\n");
  std::string out =
      str(paint(colours, Colour::strong, "pair " + view.config.name), ": ", state_text(view, colours),
          ", last in sync ", age_text(status.last_done_ns, now_ns), "\n  ", escape_bytes(view.config.code_path),
          " <-> ", target_text(view.config.deploy), ", ", view.entries, " entries\n");
  if (!view.config.exclude.empty()) out += str("  left alone (EXCLUDE): ", patterns_text(view.config.exclude), "\n");
  if (status.hints_waiting + status.requests_waiting > 0) {
    out += str("  waiting: ", status.hints_waiting, " hints, ", status.requests_waiting, " requests\n");
  }
  if (status.progress) out += progress_text(*status.progress, view.bytes_per_second);
  if (view.open_conflicts + view.parked > 0) {
    out += str("  ", paint(colours, Colour::warning, "to decide:"), " ", view.open_conflicts, " conflicts, ",
               view.parked, " parked items (twsync conflicts)\n");
  }
  if (!status.last_error.empty()) {
    out += str("  ", paint(colours, Colour::bad, str("last error (attempt ", status.attempt, "):")), " ",
               escape_bytes(status.last_error), "\n");
  }
  for (const Side side : {Side::code, Side::deploy}) out += recovery_text(view, side);
  std::string unkept;
  for (const auto& [what, count] : view.unkept) unkept += str(unkept.empty() ? "" : ", ", count, " ", to_string(what));
  if (!unkept.empty()) out += str("  not kept: ", unkept, " (twsync conflicts)\n");
  if (!status.missing.empty())
    out += str("  ", paint(colours, Colour::bad, "missing:"), " no ", status.missing, " for ",
               human_duration(status.missing_ms * kMillisecond), "\n");
  if (!status.watch.empty())
    out += str("  ", paint(colours, watch_colour(status.watch), "watch:"), " ", escape_bytes(status.watch), "\n");
  return out;
}

std::string pair_json(const PairView& view) {
  const PairStatus& status = view.status;
  JsonObject out;
  out.text("pair", view.config.name).text("state", status.state).flag("stale", view.stale).flag("served", view.served);
  out.path("code_path", view.config.code_path).text("deploy", target_text(view.config.deploy));
  out.raw("exclude", json_array(view.config.exclude, [](const std::string& pattern) { return json_text(pattern); }));
  out.number("entries", view.entries)
      .number("hints_waiting", status.hints_waiting)
      .number("requests_waiting", status.requests_waiting);
  out.number("attempt", status.attempt).number("open_conflicts", view.open_conflicts).number("parked", view.parked);
  out.raw("last_in_sync", status.last_done_ns == 0 ? "null" : json_text(utc_text(status.last_done_ns)));
  out.raw("unclean_stops", recovery_json(view));
  out.text("last_error", status.last_error).text("watch", status.watch).text("missing", status.missing);
  JsonObject unkept;
  for (const Unkept what : {Unkept::mode, Unkept::owner, Unkept::xattrs, Unkept::time, Unkept::special}) {
    const auto found = view.unkept.find(what);
    unkept.number(to_string(what), found == view.unkept.end() ? 0 : found->second);
  }
  out.raw("unkept", unkept.str_value());
  if (status.progress) {
    const Progress& p = *status.progress;
    out.raw("progress", JsonObject()
                            .text("stage", p.stage)
                            .number("files_done", p.files_done)
                            .number("files_total", p.files_total)
                            .number("bytes_done", p.bytes_done)
                            .number("bytes_total", p.bytes_total)
                            .str_value());
  }
  return out.str_value();
}

}  // namespace

std::string view_text(const View& view, int64_t now_ns, bool colours) {
  std::string out = view.service ? str("service: broker ", view.reply.version, ", pid ", view.reply.pid, "\n")
                                 : str("service: ", paint(colours, Colour::warning, "none answers"), " (",
                                       view.service_error, "); syncs run only when asked for\n");
  std::map<std::string, int> listed;
  for (const auto& worker : view.reply.workers) {
    // Several of one service may share a process: one for each session.
    const int number = ++listed[worker.service];
    out += str("  ", worker.service, number > 1 ? str(" ", number) : "", " pid ", worker.pid, ", ", worker.version,
               ", ", escape_bytes(worker.doing), ", seen ", worker.last_seen_ms, " ms ago\n");
  }
  for (const auto& pair : view.pairs) out += pair_text(pair, now_ns, colours);
  if (view.pairs.empty()) out += "no pair is configured, and none was synced here before\n";
  return out;
}

std::string view_json(const View& view) {
  JsonObject out;
  out.flag("service", view.service).flag("stale", view.stale);
  if (view.service) out.text("version", view.reply.version).number("pid", view.reply.pid);
  out.raw("workers", json_array(view.reply.workers, [](const WorkerStatus& w) {
            return JsonObject()
                .text("service", w.service)
                .number("pid", w.pid)
                .text("version", w.version)
                .text("doing", w.doing)
                .number("last_seen_ms", w.last_seen_ms)
                .str_value();
          }));
  out.raw("pairs", json_array(view.pairs, pair_json));
  return out.str_value() + "\n";
}

}  // namespace twsync
