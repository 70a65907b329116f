#include "producers/inotify/presence.h"

#include "common/app/log.h"

namespace twsync {

Result<std::unique_ptr<Presence>> Presence::open(ZmqContext& context, const BrokerEndpoints& endpoints,
                                                 WorkerReady ready, HintOutbox& outbox) {
  std::unique_ptr<Presence> presence(new Presence(outbox));
  SYNC_ASSIGN(presence->link_, WorkerLink::connect(context, endpoints, std::move(ready), presence->clock_));
  presence->thread_ = std::thread([self = presence.get()] { self->run(); });
  return presence;
}

Presence::~Presence() {
  stop_ = true;
  if (link_) link_->wake();
  if (thread_.joinable()) thread_.join();
}

void Presence::run() {
  while (!stop_) {
    const auto message = link_->poll(-1);
    if (!message.ok()) return log_error("the broker no longer sees this process: ", describe(message.error()));
    if (link_->take_reconnected()) outbox_.repeat_states();
  }
}

}  // namespace twsync
