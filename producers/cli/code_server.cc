#include "producers/cli/code_server.h"

#include "common/base/text.h"
#include "common/ssh/connection.h"
#include "common/wire/way_back_messages.h"
#include "producers/cli/forced_words.h"

namespace twsync {

namespace {

constexpr int64_t kStopMs = 200;
constexpr int64_t kAnswerMs = 30'000;  ///< the program there must have started by then

/// What that server says reaches a terminal: lines stay lines, everything else that controls one goes.
std::string printable(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool c1 = c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (c == '\n' || (c >= 0x20 && c != 0x7F && !c1)) {
      out += text[i];
    } else {
      out += '?';
      if (c1) ++i;
    }
  }
  return out;
}

Error from_there(const WayBack& way, Error error) {
  error.message = str(way.code.host, ": ", printable(error.message));
  // Refused is refused by the other server, whatever it is called there.
  if (error.code == ErrorCode::denied) error.code = ErrorCode::unreachable;
  return error;
}

/// One frame; the end, if it is that.
Result<std::optional<AnswerEnd>> take(const Frame& frame, const AnswerSinks& sinks) {
  switch (frame.type) {
    case FrameType::answer_event: {
      SYNC_ASSIGN(const auto event, decode<Event>(frame.payload));
      if (sinks.event) sinks.event(event);
      return std::optional<AnswerEnd>();
    }
    case FrameType::answer_text: {
      SYNC_ASSIGN(const auto text, decode<AnswerText>(frame.payload));
      const TextSink& sink = text.to_stderr ? sinks.err : sinks.out;
      if (sink) sink(printable(text.text));
      return std::optional<AnswerEnd>();
    }
    case FrameType::answer_end: {
      SYNC_ASSIGN(auto end, decode<AnswerEnd>(frame.payload));
      return std::optional<AnswerEnd>(std::move(end));
    }
    default:
      return Error{ErrorCode::peer_violation, "an answer that this version does not know", {}, 0};
  }
}

}  // namespace

Result<std::unique_ptr<CodeServer>> CodeServer::open(const WayBack& way, int64_t timeout_ms) {
  std::unique_ptr<CodeServer> out(new CodeServer(way, timeout_ms));
  SshTarget target = way.code;
  target.connect_timeout_ms = timeout_ms;
  SYNC_ASSIGN(out->session_, SshSession::open(target));
  return out;
}

Result<int> CodeServer::ask(const std::vector<std::string>& words, const AnswerSinks& sinks,
                            const std::atomic<bool>& stop) {
  const std::string command = str(kWayBackProtocol, " ", forced_words(words));
  if (command.size() > kMaxForcedCommand) {
    return Error{ErrorCode::usage, "too many or too long paths for one request: name a directory above them", {}, 0};
  }
  SYNC_ASSIGN(auto stream, SshSession::exec(session_, command));
  ConnectionOptions options;
  options.expect_magic = true;
  options.peer = "code server's twsync";
  Connection connection(std::move(stream), options);
  Status started = connection.wait_started(std::max(timeout_ms_, kAnswerMs));
  if (!started) {
    Error error = std::move(started).error();
    error.code = ErrorCode::unreachable;  // also when there is no such program there
    return error;
  }
  for (;;) {
    if (stop) {
      return Error{ErrorCode::cancelled,
                   "stopped watching; the service goes on with it (twsync status shows how far it is)",
                   {},
                   0};
    }
    auto frame = connection.receive(kStopMs);
    if (!frame && frame.error().code == ErrorCode::timeout) continue;
    if (!frame) return std::move(frame).error();
    auto end = take(*frame, sinks);
    if (!end) return from_there(way_, std::move(end).error());
    if (!*end) continue;
    if ((*end)->error.code != ErrorCode::ok) return from_there(way_, std::move((*end)->error));
    return (*end)->exit_code;
  }
}

}  // namespace twsync
