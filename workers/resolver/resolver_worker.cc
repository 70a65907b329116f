#include "workers/resolver/resolver_worker.h"

#include <unistd.h>

#include "common/base/text.h"

namespace twsync {

namespace {
constexpr uint32_t kCredit = 64;  // one lease for each pair at a time; a thread for each
}

ResolverWorker::ResolverWorker(ZmqContext& context, Clock& clock, ResolverOptions options)
    : context_(context), clock_(clock), options_(std::move(options)) {}

ResolverWorker::~ResolverWorker() = default;

Status ResolverWorker::run(const std::atomic<bool>& stop) {
  WorkerReady ready{"resolver", {}, kCredit, static_cast<uint32_t>(getpid()), options_.version};
  SYNC_ASSIGN(auto link, WorkerLink::connect(context_, options_.endpoints, std::move(ready), clock_));
  {
    const std::lock_guard lock(link_mutex_);
    link_ = std::move(link);
  }
  tasks_ = std::make_unique<TaskClient>(*link_);
  const Status served = serve(stop);
  tasks_->lose_all();
  controllers_.clear();
  (void)link_->poll(0).ok();  // what the controllers said last
  const std::lock_guard lock(link_mutex_);
  link_.reset();
  return served;
}

void ResolverWorker::wake() {
  const std::lock_guard lock(link_mutex_);
  if (link_) link_->wake();
}

Status ResolverWorker::serve(const std::atomic<bool>& stop) {
  while (!stop) {
    auto message = link_->poll(options_.each_turn ? options_.each_turn(link_->known()) : -1);
    if (!message) return std::move(message).error();
    if (link_->take_reconnected()) {
      tasks_->lose_all();
      for (const auto& [pair, controller] : controllers_) controller->broker_returned();
    }
    if (message->has_value()) dispatch(std::move(**message));
  }
  return {};
}

void ResolverWorker::dispatch(Message&& message) {
  switch (message.envelope.type) {
    case MessageType::lease:
    case MessageType::lease_more_reply:
      take_lease(std::move(message));
      return;
    case MessageType::task_data:
    case MessageType::task_done:
    case MessageType::task_failed:
    case MessageType::task_lost:
      tasks_->deliver(std::move(message));
      return;
    case MessageType::cookie_seen:
      if (const auto found = controllers_.find(message.envelope.pair); found != controllers_.end())
        found->second->cookie_seen(message.envelope.id, message.envelope.count == 1);
      return;
    default:
      return;
  }
}

void ResolverWorker::take_lease(Message&& message) {
  auto lease = decode<Lease>(message.body);
  if (!lease) return;
  if (PairController* controller = controller_for(lease->pair)) {
    if (message.envelope.type == MessageType::lease_more_reply) {
      controller->more(std::move(*lease));
    } else {
      controller->lease(std::move(*lease));
    }
    return;
  }
  LeaseDone done;
  done.id = lease->id;
  done.done = false;
  done.error = {ErrorCode::not_found, str("no pair named '", lease->pair, "' is configured here"), {}, 0};
  Envelope envelope;
  envelope.type = MessageType::lease_done;
  envelope.pair = lease->pair;
  link_->post(std::move(envelope), encode(done));
}

PairController* ResolverWorker::controller_for(const std::string& pair) {
  if (const auto found = controllers_.find(pair); found != controllers_.end()) return found->second.get();
  auto config = options_.pairs(pair);
  if (!config) return nullptr;
  auto made = std::make_unique<PairController>(std::move(*config), *link_, *tasks_, clock_, options_.controller);
  return controllers_.emplace(pair, std::move(made)).first->second.get();
}

}  // namespace twsync
