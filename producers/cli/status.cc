// twsync status

#include <algorithm>
#include <map>
#include <poll.h>

#include "common/app/exit_codes.h"
#include "common/app/staleness.h"
#include "common/base/clock.h"
#include "producers/cli/base_facts.h"
#include "producers/cli/broker_access.h"
#include "producers/cli/code_server.h"
#include "producers/cli/context.h"
#include "common/base/json_object.h"
#include "producers/cli/ways_back.h"

namespace twsync {

namespace {

constexpr int kAnswerMs = 2000;
constexpr int64_t kLoginMs = 15'000;

/// A pair as the broker, or without one its base, describes it.
struct PairView {
  PairConfig config;
  PairStatus status;
  bool served = false;
  bool stale = false;
  uint64_t entries = 0, open_conflicts = 0, parked = 0;
  Recovery recovery[2];
  std::map<Unkept, uint64_t> unkept;
};

struct View {
  bool service = false;
  std::string service_error;
  StatusReply reply;
  std::vector<PairView> pairs;
  bool stale = false;
};

Status add_base_facts(PairView& view) {
  SYNC_ASSIGN(auto base, open_base(view.config));
  if (!base) return {};
  SYNC_ASSIGN(view.entries, (*base)->count());
  SYNC_ASSIGN(view.unkept, (*base)->unkept_counts());
  SYNC_ASSIGN(const auto parked, (*base)->parked());
  view.parked = parked.size();
  SYNC_ASSIGN(const auto conflicts, (*base)->conflicts(10'000));
  view.open_conflicts = static_cast<uint64_t>(
      std::count_if(conflicts.begin(), conflicts.end(), [](const ConflictRecord& c) { return c.open; }));
  SYNC_ASSIGN(const auto meta, (*base)->meta());
  for (const Side side : {Side::code, Side::deploy}) view.recovery[static_cast<size_t>(side)] = meta.recovery(side);
  view.status.last_done_ns = std::max(view.status.last_done_ns, meta.last_done_ns);
  return {};
}

Result<View> look(CliContext& context, const std::vector<PairConfig>& pairs) {
  View view;
  auto broker = open_broker(context.config, kAnswerMs);
  view.service = broker.ok();
  if (broker.ok()) {
    view.reply = (*broker)->status;
  } else {
    view.service_error = describe(broker.error());
  }
  SystemClock clock;
  for (const auto& config : pairs) {
    PairView one;
    one.config = config;
    one.status.pair = config.name;
    one.status.state = "not served";
    for (const auto& status : view.reply.pairs) {
      if (status.pair != config.name) continue;
      one.status = status;
      one.served = true;
    }
    SYNC_TRY(add_base_facts(one));
    one.stale = is_stale(one.served ? &one.status : nullptr, view.reply.workers, one.status.last_done_ns,
                         config.stale_minutes, clock.wall_ns());
    view.stale = view.stale || one.stale;
    view.pairs.push_back(std::move(one));
  }
  return view;
}

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

std::string pair_text(const PairView& view, int64_t now_ns) {
  const PairStatus& status = view.status;
  std::string out = str("pair ", view.config.name, ": ", status.state, view.stale ? ", STALE" : "", ", last in sync ",
                        age_text(status.last_done_ns, now_ns), "\n  ", escape_bytes(view.config.code_path), " <-> ",
                        target_text(view.config.deploy), ", ", view.entries, " entries\n");
  if (!view.config.exclude.empty()) out += str("  left alone (EXCLUDE): ", patterns_text(view.config.exclude), "\n");
  if (status.hints_waiting + status.requests_waiting > 0) {
    out += str("  waiting: ", status.hints_waiting, " hints, ", status.requests_waiting, " requests\n");
  }
  if (status.progress) {
    const Progress& p = *status.progress;
    out += str("  running: ", escape_bytes(p.stage), " ", p.files_done, "/", p.files_total, " files, ",
               human_bytes(p.bytes_done), "/", human_bytes(p.bytes_total), "\n");
  }
  if (view.open_conflicts + view.parked > 0) {
    out += str("  to decide: ", view.open_conflicts, " conflicts, ", view.parked, " parked items (twsync conflicts)\n");
  }
  for (const Side side : {Side::code, Side::deploy}) out += recovery_text(view, side);
  std::string unkept;
  for (const auto& [what, count] : view.unkept) unkept += str(unkept.empty() ? "" : ", ", count, " ", to_string(what));
  if (!unkept.empty()) out += str("  not kept: ", unkept, " (twsync conflicts)\n");
  if (!status.last_error.empty())
    out += str("  last error (attempt ", status.attempt, "): ", escape_bytes(status.last_error), "\n");
  if (!status.watch.empty()) out += str("  watch: ", escape_bytes(status.watch), "\n");
  return out;
}

std::string view_text(const View& view, int64_t now_ns) {
  std::string out = view.service
                        ? str("service: broker ", view.reply.version, ", pid ", view.reply.pid, "\n")
                        : str("service: none answers (", view.service_error, "); syncs run only when asked for\n");
  for (const auto& worker : view.reply.workers) {
    out += str("  ", worker.service, " pid ", worker.pid, ", ", worker.version, ", ", escape_bytes(worker.doing),
               ", seen ", worker.last_seen_ms, " ms ago\n");
  }
  for (const auto& pair : view.pairs) out += pair_text(pair, now_ns);
  if (view.pairs.empty()) out += "no pair is configured, and none was synced here before\n";
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
  out.text("last_error", status.last_error).text("watch", status.watch);
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

/// Of the pairs that are led elsewhere, as their code servers tell it; each answer stands for itself.
Result<int> ask_there(CliContext& context, const StatusCommand& command,
                      std::vector<std::unique_ptr<CodeServer>>& there, std::string& text) {
  int worst = kExitDone;
  const AnswerSinks sinks{{}, [&text](std::string_view more) { text += more; }, context.err};
  for (const auto& code : there) {
    std::vector<std::string> words = {"status"};
    if (command.json) words.push_back("--json");
    SYNC_ASSIGN(const int ended, code->ask(words, sinks, context.stop));
    worst = std::max(worst, ended);
  }
  return worst;
}

}  // namespace

Result<int> run_status(CliContext& context, const StatusCommand& command) {
  SystemClock clock;
  SYNC_ASSIGN(const auto led, select_led(context, command.pair, true));
  std::vector<std::unique_ptr<CodeServer>> there;
  for (const auto& way : led.there) {
    SYNC_ASSIGN(there.emplace_back(), CodeServer::open(way, kLoginMs));
  }
  const bool local = there.empty() || !led.here.empty();
  for (;;) {
    std::string text;
    int code = kExitDone;
    if (local) {
      SYNC_ASSIGN(const View view, look(context, led.here));
      text = command.json ? view_json(view) : view_text(view, clock.wall_ns());
      if (view.stale) code = kExitRemains;
    }
    SYNC_ASSIGN(const int worst_there, ask_there(context, command, there, text));
    code = std::max(code, worst_there);
    if (command.watch && context.terminal && !command.json) text = "\x1b[H\x1b[2J" + text;
    context.out(text);
    if (!command.watch || context.stop) return code;
    // A signal ends the wait early.
    ::poll(nullptr, 0, 1000);
    if (context.stop) return kExitDone;
  }
}

}  // namespace twsync
