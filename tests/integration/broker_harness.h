#pragma once
// A broker in its own thread, over inproc or ipc, that can be killed and started again on the same queue.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <thread>

#include "broker/broker_loop.h"
#include "common/base/hasher.h"
#include "common/zmq/endpoints.h"
#include "tests/support/patience.h"

namespace twsync {

class BrokerHarness {
 public:
  explicit BrokerHarness(bool ipc) {
    char name[] = "/tmp/twsync-broker-XXXXXX";
    dir = mkdtemp(name);
    options.endpoints = ipc ? ipc_endpoints(dir) : inproc_endpoints("broker-" + random_hex(4));
    options.core.queue_path = dir + "/queue.db";
    options.core.pairs = {"web", "docs"};
    options.core.seed = 5;
  }
  ~BrokerHarness() {
    kill();
    std::filesystem::remove_all(dir);
  }
  void start() {
    auto opened = Broker::open(context, options, clock);
    ASSERT_TRUE(opened.ok()) << describe(opened.error());
    broker = std::move(opened).value();
    stop = false;
    thread = std::thread([this] {
      const Status ended = broker->run(stop);
      EXPECT_TRUE(ended.ok()) << describe(ended.error());
    });
  }
  /// As kill -9 does for the journal: nothing is said or written any more.
  void kill() {
    if (!broker) return;
    stop = true;
    broker->wake();
    thread.join();
    broker.reset();
  }
  std::unique_ptr<BrokerClient> client() {
    auto made = BrokerClient::connect(context, options.endpoints, 5000);
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : describe(made.error()));
    return made.ok() ? std::move(made).value() : nullptr;
  }
  std::unique_ptr<WorkerLink> worker(const std::string& service, uint32_t credit = 1) {
    auto made = WorkerLink::connect(context, options.endpoints, {service, {}, credit, 1, "test"}, clock);
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : describe(made.error()));
    return std::move(made).value();
  }

  ZmqContext context;
  SystemClock clock;
  BrokerOptions options;
  std::string dir;
  std::unique_ptr<Broker> broker;
  std::atomic<bool> stop{false};
  std::thread thread;
};

inline Hint hint_at(const std::string& path, const std::string& pair = "web") {
  return {HintSource::inotify, pair, Side::code, path, false, "", false};
}

inline Request sync_request(const std::string& id) {
  Request request;
  request.id = id;
  request.pair = "web";
  return request;
}

/// The next message of that type for the worker; others are thrown away. Fails after `timeout_ms`.
inline std::optional<Message> await_message(WorkerLink& link, MessageType type, int timeout_ms = 10'000 * kPatience) {
  SystemClock clock;
  const int64_t deadline = clock.steady_ns() + timeout_ms * kMillisecond;
  while (clock.steady_ns() < deadline) {
    auto message = link.poll(100);
    EXPECT_TRUE(message.ok()) << describe(message.error());
    if (!message.ok()) return std::nullopt;
    if (message->has_value() && (*message)->envelope.type == type) return std::move(**message);
  }
  return std::nullopt;
}

inline Lease await_lease(WorkerLink& link, int timeout_ms = 10'000 * kPatience) {
  auto message = await_message(link, MessageType::lease, timeout_ms);
  EXPECT_TRUE(message) << "no lease came";
  return message ? *decode<Lease>(message->body) : Lease{};
}

inline void post(WorkerLink& link, MessageType type, const std::string& id, std::string body,
                 const std::string& service = {}) {
  Envelope envelope;
  envelope.type = type;
  envelope.pair = "web";
  envelope.id = id;
  envelope.service = service;
  link.post(std::move(envelope), std::move(body));
}

inline void post_event(WorkerLink& link, const std::string& request, EventKind kind, const std::string& text = {}) {
  Event event;
  event.kind = kind;
  event.pair = "web";
  event.text = text;
  if (kind == EventKind::summary) event.summary.emplace().operations = 12;
  post(link, MessageType::event, request, encode(event));
}

inline void end_lease(WorkerLink& link, uint64_t id, bool done = true, std::vector<Hint> again = {}) {
  LeaseDone end;
  end.id = id;
  end.done = done;
  end.retry_ms = done ? 0 : 1;
  end.again = std::move(again);
  post(link, MessageType::lease_done, "", encode(end));
}

/// Serves the link (heartbeats, sends) until `condition`.
inline bool serve_until(WorkerLink& link, const std::function<bool()>& condition, int timeout_ms = 10'000 * kPatience) {
  SystemClock clock;
  const int64_t deadline = clock.steady_ns() + timeout_ms * kMillisecond;
  while (!condition()) {
    if (clock.steady_ns() > deadline || !link.poll(20).ok()) return false;
  }
  return true;
}

inline PairStatus web_status(BrokerClient& client) {
  auto status = client.status({"web"}, 5000);
  EXPECT_TRUE(status.ok()) << describe(status.error());
  return status.ok() && !status->pairs.empty() ? status->pairs[0] : PairStatus{};
}

}  // namespace twsync
