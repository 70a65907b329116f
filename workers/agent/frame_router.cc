#include "workers/agent/frame_router.h"

#include <algorithm>

#include "common/base/text.h"
#include "workers/agent/listing_check.h"

namespace twsync {
namespace {

constexpr size_t kWaitingLimit = 2U << 20U;
constexpr size_t kMaxState = 1000;

Error unexpected(const Frame& frame) {
  return Error{ErrorCode::peer_violation,
               str("unexpected frame of type ", static_cast<unsigned>(frame.type), " on stream ", frame.stream),
               {},
               0};
}

}  // namespace

FrameRouter::FrameRouter(std::unique_ptr<Connection> connection, Sinks sinks)
    : connection_(std::move(connection)), sinks_(std::move(sinks)), reader_([this] { read_loop(); }) {}

FrameRouter::~FrameRouter() {
  close();
  reader_.join();
}

void FrameRouter::close() {
  end(Error{ErrorCode::cancelled, "session closed", {}, 0});
}

void FrameRouter::end(Error error) {
  {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
    changed_.notify_all();
  }
  connection_->close();
}

Error FrameRouter::fail(Error error) {
  end(std::move(error));
  const std::lock_guard lock(mutex_);
  return *error_;
}

std::string FrameRouter::watch_state() const {
  const std::lock_guard lock(mutex_);
  return watch_state_;
}

Status FrameRouter::send(FrameType type, uint32_t stream, std::string payload) {
  {
    const std::lock_guard lock(mutex_);
    if (error_) return *error_;
  }
  Status sent = connection_->send(type, stream, std::move(payload));
  if (sent.ok()) return sent;
  // What the agent said last (an error frame) tells more than "unreachable": give the reader the word.
  std::unique_lock lock(mutex_);
  broken_ = true;
  changed_.notify_all();
  changed_.wait(lock, [this] { return error_.has_value(); });
  return *error_;
}

Result<Frame> FrameRouter::reply(uint32_t stream, std::initializer_list<FrameType> types) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return error_.has_value() || !replies_.empty(); });
  if (replies_.empty()) return *error_;
  Frame frame = std::move(replies_.front());
  replies_.pop_front();
  waiting_bytes_ -= frame.payload.size();
  changed_.notify_all();
  lock.unlock();
  const bool expected = std::find(types.begin(), types.end(), frame.type) != types.end();
  if (frame.stream != stream || !expected) return fail(unexpected(frame));
  return frame;
}

void FrameRouter::read_loop() {
  for (;;) {
    Result<Frame> frame = connection_->receive(-1);
    if (!frame.ok()) {
      end(frame.error());
      break;
    }
    const Status taken = take(std::move(*frame));
    if (!taken.ok()) {
      end(taken.error());
      break;
    }
  }
  tell_of_the_end();
}

void FrameRouter::tell_of_the_end() {
  {
    const std::lock_guard lock(mutex_);
    if (!sinks_.hints || error_->code == ErrorCode::cancelled) return;
  }
  // From here on nobody sees what happens there: the whole side is to be looked at, by a new session.
  Hint hint;
  hint.side = Side::deploy;
  hint.recursive = true;
  sinks_.hints({std::move(hint)});
}

Status FrameRouter::take(Frame&& frame) {
  if (frame.type == FrameType::hints) return deliver_hints(frame);
  if (frame.type == FrameType::error) {
    Result<Reply> said = decode<Reply>(frame.payload);
    if (!said.ok()) return said.error();
    make_printable(said->error.message);
    return said->error.code == ErrorCode::ok ? unexpected(frame) : said->error;
  }
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return error_ || broken_ || replies_.empty() || waiting_bytes_ < kWaitingLimit; });
  if (error_) return *error_;
  if (broken_) return {};
  waiting_bytes_ += frame.payload.size();
  replies_.push_back(std::move(frame));
  changed_.notify_all();
  return {};
}

Status FrameRouter::deliver_hints(const Frame& frame) {
  SYNC_ASSIGN(HintsFrame told, decode<HintsFrame>(frame.payload));
  for (Hint& hint : told.hints) {
    const bool valid = is_peer_path(hint.path) && (!hint.is_move || is_peer_path(hint.moved_from));
    if (!valid) return Error{ErrorCode::peer_violation, "the peer hinted at an invalid path", hint.path, 0};
    // An agent speaks for its own side and only as a watcher.
    hint.side = Side::deploy;
    hint.source = HintSource::inotify;
    hint.pair.clear();
  }
  if (sinks_.hints && !told.hints.empty()) sinks_.hints(std::move(told.hints));
  if (told.state.empty()) return {};
  told.state.resize(std::min(told.state.size(), kMaxState));
  {
    const std::lock_guard lock(mutex_);
    watch_state_ = told.state;
  }
  if (sinks_.state) sinks_.state(std::move(told.state));
  return {};
}

}  // namespace twsync
