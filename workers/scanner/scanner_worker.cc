#include "workers/scanner/scanner_worker.h"

#include <unistd.h>

#include "common/base/hasher.h"
#include "common/base/text.h"

namespace twsync {

namespace {
constexpr uint32_t kCredit = 64;  // sessions queue for themselves; the limit only bounds the backlog
}

ScannerWorker::ScannerWorker(ZmqContext& context, Clock& clock, ScannerOptions options)
    : context_(context), clock_(clock), options_(std::move(options)) {}

ScannerWorker::~ScannerWorker() = default;

Status ScannerWorker::run(const std::atomic<bool>& stop) {
  WorkerReady ready{"scanner", {}, kCredit, static_cast<uint32_t>(getpid()), options_.version};
  SYNC_ASSIGN(auto link, WorkerLink::connect(context_, options_.endpoints, std::move(ready), clock_));
  {
    const std::lock_guard lock(link_mutex_);
    link_ = std::move(link);
  }
  const Status served = serve(stop);
  for (auto& [id, output] : running_) output->cancel();
  sessions_.clear();
  const std::lock_guard lock(link_mutex_);
  link_.reset();
  return served;
}

void ScannerWorker::wake() {
  const std::lock_guard lock(link_mutex_);
  if (link_) link_->wake();
}

Status ScannerWorker::serve(const std::atomic<bool>& stop) {
  if (options_.publish_hints) {
    for (const auto& pair : options_.watched) hint_whole(pair);
  }
  while (!stop) {
    auto message = link_->poll(options_.each_turn ? options_.each_turn(link_->known()) : -1);
    if (!message) return std::move(message).error();
    if (link_->take_reconnected()) {
      for (auto& [id, output] : running_) output->cancel();
      running_.clear();
      hint_everything();
    }
    if (message->has_value()) dispatch(std::move(**message));
  }
  return {};
}

void ScannerWorker::dispatch(Message&& message) {
  const auto running = running_.find(message.envelope.id);
  switch (message.envelope.type) {
    case MessageType::task:
      start_task(std::move(message));
      return;
    case MessageType::task_credit:
      if (running != running_.end()) running->second->add_credit(message.envelope.count);
      return;
    case MessageType::task_cancel:
      if (running != running_.end()) {
        running->second->cancel();
        running_.erase(running);
      }
      return;
    default:
      return;
  }
}

void ScannerWorker::start_task(Message&& message) {
  std::erase_if(running_, [](const auto& item) { return item.second.use_count() == 1; });
  auto output = std::make_shared<TaskOutput>(*link_, message.envelope);
  auto task = decode<ScanTask>(message.body);
  if (!task) return output->failed(task.error());
  PairSession* session = session_for(message.envelope.pair);
  if (session == nullptr) {
    return output->failed(
        {ErrorCode::not_found, str("no pair named '", message.envelope.pair, "' is configured here"), {}, 0});
  }
  running_[message.envelope.id] = output;
  session->submit(std::move(*task), std::move(output));
}

PairSession* ScannerWorker::session_for(const std::string& pair) {
  if (auto found = sessions_.find(pair); found != sessions_.end()) return found->second.get();
  auto config = options_.pairs(pair);
  if (!config) return nullptr;
  WatchSinks sinks;
  if (options_.publish_hints) {
    sinks.hints = [this, pair](std::vector<Hint> hints) { publish(pair, std::move(hints)); };
    sinks.state = [this, pair](std::string state) {
      {
        const std::lock_guard lock(states_mutex_);
        states_[pair] = state;
      }
      say_state(pair, std::move(state));
    };
  }
  auto session = std::make_unique<PairSession>(std::move(*config), options_.sides, std::move(sinks), clock_);
  return sessions_.emplace(pair, std::move(session)).first->second.get();
}

void ScannerWorker::hint_everything() {
  // What was published while the broker was away is lost.
  if (!options_.publish_hints) return;
  for (const auto& [pair, session] : sessions_) hint_whole(pair);
  const std::lock_guard lock(states_mutex_);
  for (const auto& [pair, state] : states_) say_state(pair, state);
}

void ScannerWorker::say_state(const std::string& pair, std::string state) {
  Publish body;
  body.watch.push_back({pair, Side::deploy, std::move(state)});
  post(pair, body);
}

void ScannerWorker::hint_whole(const std::string& pair) {
  Hint whole;
  whole.recursive = true;
  publish(pair, {whole});
}

void ScannerWorker::publish(const std::string& pair, std::vector<Hint> hints) {
  for (auto& hint : hints) {
    hint.pair = pair;
    hint.side = Side::deploy;
  }
  Publish body;
  body.hints = std::move(hints);
  post(pair, body);
}

void ScannerWorker::post(const std::string& pair, const Publish& body) {
  Envelope envelope;
  envelope.type = MessageType::publish;
  envelope.pair = pair;
  envelope.id = random_hex(12);
  link_->post(std::move(envelope), encode(body));
}

}  // namespace twsync
