// twsync serve-forced PAIR [--members]: the forced command of a key that the deploy server reaches this one with.

#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "common/app/exit_codes.h"
#include "common/app/log.h"
#include "common/base/text.h"
#include "common/ssh/connection.h"
#include "common/ssh/fd_stream.h"
#include "common/wire/messages.h"
#include "common/wire/way_back_messages.h"
#include "producers/cli/base_facts.h"
#include "producers/cli/context.h"
#include "producers/cli/forced_words.h"
#include "producers/cli/request_runner.h"
#include "producers/cli/sync_log.h"

namespace twsync {

namespace {

constexpr int64_t kFlushMs = 10'000;

/// The channel to the asker. Its end, or anything but pings from there, sets `stop`: nobody listens any more.
class Answer {
 public:
  explicit Answer(std::atomic<bool>& stop)
      : connection_(make_fd_stream(STDIN_FILENO, STDOUT_FILENO, FdOwner::caller, "the deploy server"), options()) {
    watch_ = std::thread([this, &stop] {
      (void)connection_.receive(-1).ok();
      stop = true;
    });
  }
  ~Answer() {
    connection_.close();
    watch_.join();
  }
  void event(const Event& event) { put(FrameType::answer_event, encode(event)); }
  TextSink text(bool to_stderr) {
    return [this, to_stderr](std::string_view text) {
      put(FrameType::answer_text, encode(AnswerText{to_stderr, std::string(text)}));
    };
  }
  void end(int exit_code, Error error) {
    put(FrameType::answer_end, encode(AnswerEnd{exit_code, std::move(error)}));
    (void)connection_.flush(kFlushMs).ok();
  }

 private:
  static ConnectionOptions options() {
    ConnectionOptions out;
    out.send_magic = true;
    return out;
  }
  // A failed send is the end of the session, which the watch sees.
  void put(FrameType type, std::string payload) { (void)connection_.send(type, 0, std::move(payload)).ok(); }

  Connection connection_;
  std::thread watch_;
};

/// The last of what a run tells the asker.
void end_with(Answer& answer, const PairConfig& pair, const Summary& summary) {
  Event last;
  last.kind = EventKind::summary;
  last.pair = pair.name;
  last.summary = summary;
  answer.event(last);
}

/// The deploy server's cron comes before anybody has synced: nothing is done, and it logs why.
void leave_alone(Answer& answer, const PairConfig& pair) {
  Event note;
  note.pair = pair.name;
  note.text = str("cron leaves ", pair.name, " alone: it was never synced");
  log_info(note.text);
  answer.event(note);
  end_with(answer, pair, Summary{});
}

/// As `twsync sync` here, with the events themselves for the asker's own printer and log.
Result<int> serve_sync(CliContext& context, const SyncCommand& command, Answer& answer) {
  const PairConfig* configured = context.config.find(command.where.at(0));
  PairConfig pair = *configured;
  SYNC_TRY(prepare_pair(context.config, pair));
  SYNC_TRY(make_private_directory(context.config.state_dir));
  open_sync_log(context.config, command.from_cron);
  log_info("sync of ", pair.name, " (", to_string(command.direction), command.dry_run ? ", dry run" : "",
           ") is asked for by the deploy server");
  if (command.from_cron && !was_synced(pair)) {
    leave_alone(answer, pair);
    return kExitDone;
  }
  std::vector<std::string> paths;
  for (const auto& path : command.paths) paths.push_back(path == "." ? "" : path);
  RunnerOptions options;
  options.wait = !command.no_wait;
  SYNC_ASSIGN(const Summary summary,
              run_request(context, pair, sync_request(command, context.config.overrides, std::move(paths)), options,
                          [&](const Event& event) {
                            log_event(event);
                            answer.event(event);
                          }));
  if (command.no_wait) return kExitDone;
  log_summary(pair.name, summary);
  end_with(answer, pair, summary);
  return kExitDone;
}

Result<int> serve_framed(CliContext& context, const Command& command, Answer& answer) {
  if (const auto* sync = std::get_if<SyncCommand>(&command)) return serve_sync(context, *sync, answer);
  return run_command(context, command);
}

int serve_frames(CliContext& context, const Result<ForcedRequest>& request) {
  Answer answer(context.stop);
  context.out = answer.text(false);
  context.err = answer.text(true);
  context.terminal = false;
  const auto code = request ? serve_framed(context, request->line.command, answer) : Result<int>(request.error());
  answer.end(code ? *code : exit_code(code.error().code), code ? Error{} : code.error());
  return code ? *code : exit_code(code.error().code);
}

}  // namespace

Result<int> run_serve_forced(CliContext& context, const ServeForcedCommand& command) {
  const PairConfig* pair = context.config.find(command.pair);
  if (pair == nullptr) return Error{ErrorCode::usage, str("no pair '", command.pair, "' is configured here"), {}, 0};
  const char* asked = std::getenv("SSH_ORIGINAL_COMMAND");
  const std::string text = asked == nullptr ? "" : asked;
  auto request = parse_forced_command(text, pair->name, pair->deploy.path,
                                      command.members ? ForcedRights::members : ForcedRights::user);
  if (request) {
    context.config.overrides.policy = request->line.overrides.policy;
    context.config.overrides.exclude = request->line.overrides.exclude;
  }
  // Only what the service does for everybody: this process carries nothing out for the deploy server.
  context.forced = true;
  if (text.starts_with(str(kWayBackProtocol, " "))) return serve_frames(context, request);
  SYNC_TRY(request);
  return run_command(context, request->line.command);
}

}  // namespace twsync
