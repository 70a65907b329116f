// twsync status

#include <poll.h>

#include <algorithm>
#include <map>

#include "common/app/exit_codes.h"
#include "common/app/staleness.h"
#include "common/base/clock.h"
#include "common/base/json_object.h"
#include "producers/cli/base_facts.h"
#include "producers/cli/broker_access.h"
#include "producers/cli/code_server.h"
#include "producers/cli/context.h"
#include "producers/cli/full_screen.h"
#include "producers/cli/paint.h"
#include "producers/cli/rate.h"
#include "producers/cli/status_view.h"
#include "producers/cli/ways_back.h"

namespace twsync {

namespace {

constexpr int kAnswerMs = 2000;
constexpr int kLookEveryMs = 1000;
constexpr int64_t kLoginMs = 15'000;

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
    one.stale =
        is_stale(one.served ? &one.status : nullptr, one.status.last_done_ns, config.stale_minutes, clock.wall_ns());
    view.stale = view.stale || one.stale;
    view.pairs.push_back(std::move(one));
  }
  return view;
}

/// A pair that nobody can serve until its file is mended.
void add_misconfigured(View& view, const Config& config) {
  for (const auto& pair : config.misconfigured) {
    PairView one;
    one.config.name = one.status.pair = pair.name;
    one.status.state = "misconfigured";
    one.status.last_error = describe(pair.error);
    one.stale = view.stale = true;
    view.pairs.push_back(std::move(one));
  }
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

/// What every look needs: who is asked, and how fast each pair was between looks.
struct Watch {
  Led led;
  std::vector<std::unique_ptr<CodeServer>> there;
  std::map<std::string, Rate> rates;
};

void note_rates(Watch& watch, View& view, int64_t now_ns) {
  for (auto& pair : view.pairs) {
    Rate& rate = watch.rates[pair.config.name];
    if (!pair.status.progress) {
      rate = {};
      continue;
    }
    rate.note(now_ns, pair.status.progress->bytes_done);
    pair.bytes_per_second = rate.per_second();
  }
}

/// One look at everything: the exit code, and in `text` what is shown.
Result<int> look_once(CliContext& context, const StatusCommand& command, Watch& watch, std::string& text) {
  SystemClock clock;
  int code = kExitDone;
  if (watch.there.empty() || !watch.led.here.empty()) {
    SYNC_ASSIGN(View view, look(context, watch.led.here));
    if (command.pair.empty()) add_misconfigured(view, context.config);
    note_rates(watch, view, clock.steady_ns());
    text = command.json ? view_json(view) : view_text(view, clock.wall_ns(), context.colours);
    if (view.stale) code = kExitRemains;
  }
  SYNC_ASSIGN(const int worst_there, ask_there(context, command, watch.there, text));
  return std::max(code, worst_there);
}

/// Until a person or a signal ends it.
Result<int> watch_screen(CliContext& context, const StatusCommand& command, Watch& watch) {
  SystemClock clock;
  FullScreen screen(context.out);
  do {
    std::string text;
    SYNC_TRY(look_once(context, command, watch, text));
    const std::string head =
        paint(context.colours, Colour::faint, str("twsync status, ", utc_text(clock.wall_ns()), ", q quits"));
    screen.show(str(head, "\n", text));
  } while (screen.stay(kLookEveryMs, context.stop));
  return kExitDone;
}

}  // namespace

Result<int> run_status(CliContext& context, const StatusCommand& command) {
  Watch watch;
  SYNC_ASSIGN(watch.led, select_led(context, command.pair, true));
  for (const auto& way : watch.led.there) {
    SYNC_ASSIGN(watch.there.emplace_back(), CodeServer::open(way, kLoginMs));
  }
  if (command.watch && context.terminal && !command.json) return watch_screen(context, command, watch);
  for (;;) {
    std::string text;
    SYNC_ASSIGN(const int code, look_once(context, command, watch, text));
    context.out(text);
    if (!command.watch || context.stop) return code;
    // A signal ends the wait early.
    ::poll(nullptr, 0, kLookEveryMs);
    if (context.stop) return kExitDone;
  }
}

}  // namespace twsync
