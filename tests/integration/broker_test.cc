#include "tests/integration/broker_harness.h"

#include "common/base/text.h"
#include "common/zmq/subscriber.h"

namespace twsync {
namespace {

class BrokerTest : public ::testing::TestWithParam<bool> {
 protected:
  BrokerTest() : h_(GetParam()) {}
  void SetUp() override { h_.start(); }
  BrokerHarness h_;
};

INSTANTIATE_TEST_SUITE_P(Transport, BrokerTest, ::testing::Values(false, true),
                         [](const auto& which) { return which.param ? "ipc" : "inproc"; });

TEST_P(BrokerTest, what_was_acknowledged_survives_a_kill) {
  auto client = h_.client();
  ASSERT_TRUE(client->publish({{hint_at("a/b")}, {}}, "k1", 5000).ok());
  ASSERT_TRUE(client->request(sync_request("r1"), 5000).ok());
  client.reset();
  h_.kill();
  h_.start();
  auto resolver = h_.worker("resolver");
  const Lease lease = await_lease(*resolver);
  EXPECT_EQ(lease.pair, "web");
  ASSERT_EQ(lease.hints.size(), 1U);
  EXPECT_EQ(lease.hints[0].path, "a/b");
  ASSERT_EQ(lease.requests.size(), 1U);
  EXPECT_EQ(lease.requests[0].id, "r1");
}

TEST_P(BrokerTest, a_kill_during_a_lease_brings_it_back_and_the_old_token_is_void) {
  auto client = h_.client();
  ASSERT_TRUE(client->publish({{hint_at("a")}, {}}, "", 5000).ok());
  auto resolver = h_.worker("resolver");
  const Lease first = await_lease(*resolver);
  h_.kill();
  h_.start();
  const Lease second = await_lease(*resolver);
  EXPECT_TRUE(resolver->take_reconnected());
  EXPECT_FALSE(resolver->take_reconnected());
  EXPECT_EQ(second.hints.size(), 1U);
  EXPECT_NE(first.id, second.id);
  end_lease(*resolver, first.id);
  auto again = h_.client();
  EXPECT_TRUE(serve_until(*resolver, [&] { return h_.broker->dropped() > 0; }));
  EXPECT_EQ(web_status(*again).state, "running");
  end_lease(*resolver, second.id);
  EXPECT_TRUE(serve_until(*resolver, [&] { return web_status(*again).state == "idle"; }));
}

TEST_P(BrokerTest, a_request_is_followed_to_its_summary_and_told_again_afterwards) {
  auto client = h_.client();
  auto resolver = h_.worker("resolver");
  ASSERT_TRUE(client->request(sync_request("r1"), 5000).ok());
  const Lease lease = await_lease(*resolver);
  auto second_client = h_.client();
  ASSERT_TRUE(second_client->attach("r1", 5000).ok());
  ASSERT_TRUE(client->request(sync_request("r1"), 5000).ok()) << "the same again is no second run";
  post_event(*resolver, "r1", EventKind::operation, "one");
  post_event(*resolver, "r1", EventKind::summary);
  end_lease(*resolver, lease.id);
  ASSERT_TRUE(serve_until(*resolver, [&] { return web_status(*client).state == "idle"; }));

  for (BrokerClient* each : {client.get(), second_client.get()}) {
    auto event = each->next_event(5000);
    ASSERT_TRUE(event.ok() && event->has_value());
    EXPECT_EQ((*event)->text, "one");
    event = each->next_event(5000);
    ASSERT_TRUE(event.ok() && event->has_value());
    EXPECT_EQ((*event)->summary->operations, 12U);
  }
  EXPECT_EQ(web_status(*client).last_summary->operations, 12U);
  EXPECT_GT(web_status(*client).last_done_ns, 0);

  ASSERT_TRUE(client->request(sync_request("r1"), 5000).ok());
  auto event = client->next_event(5000);
  ASSERT_TRUE(event.ok() && event->has_value());
  EXPECT_EQ((*event)->kind, EventKind::summary);
  EXPECT_EQ(web_status(*client).state, "idle") << "nothing was queued for it";
  EXPECT_EQ(client->attach("never", 5000).error().code, ErrorCode::not_found);
}

TEST_P(BrokerTest, a_request_without_a_summary_still_ends_for_its_client) {
  auto client = h_.client();
  auto resolver = h_.worker("resolver");
  ASSERT_TRUE(client->request(sync_request("r1"), 5000).ok());
  end_lease(*resolver, await_lease(*resolver).id);
  ASSERT_TRUE(serve_until(*resolver, [&] { return web_status(*client).state == "idle"; }));
  auto event = client->next_event(5000);
  ASSERT_TRUE(event.ok() && event->has_value());
  EXPECT_EQ((*event)->kind, EventKind::summary);
}

TEST_P(BrokerTest, a_client_follows_its_request_over_a_restart) {
  auto client = h_.client();
  ASSERT_TRUE(client->request(sync_request("r1"), 5000).ok());
  h_.kill();
  h_.start();
  auto resolver = h_.worker("resolver");
  const Lease lease = await_lease(*resolver);
  std::atomic<bool> attached{false};
  std::thread worker([&] {
    while (!attached) EXPECT_TRUE(resolver->poll(20).ok());
  });
  // The client notices the silence, comes back and attaches; the events of the second life reach it.
  std::optional<Event> seen;
  for (int i = 0; i < 100 && !seen; ++i) {
    post_event(*resolver, "r1", EventKind::note, "alive");
    auto event = client->next_event(200);
    ASSERT_TRUE(event.ok()) << describe(event.error());
    seen = *event;
  }
  attached = true;
  worker.join();
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->text, "alive");
}

TEST_P(BrokerTest, a_cookie_reaches_the_leases_holder_when_its_hints_can_be_had) {
  auto client = h_.client();
  auto resolver = h_.worker("resolver");
  ASSERT_TRUE(client->publish({{hint_at("a")}, {}}, "", 5000).ok());
  const Lease lease = await_lease(*resolver);
  Publish publish{{hint_at("b")}, {}};
  publish.cookies = {{"web", "c1", true}, {"docs", "c1", true}};
  ASSERT_TRUE(client->publish(publish, "", 5000).ok());
  const auto seen = await_message(*resolver, MessageType::cookie_seen);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->envelope.pair, "web");
  EXPECT_EQ(seen->envelope.id, "c1");
  EXPECT_EQ(seen->envelope.count, 1U);
  post(*resolver, MessageType::lease_more, std::to_string(lease.id), {});
  const auto more = await_message(*resolver, MessageType::lease_more_reply);
  ASSERT_TRUE(more);
  const auto got = decode<Lease>(more->body);
  ASSERT_TRUE(got.ok());
  ASSERT_EQ(got->hints.size(), 1U);
  EXPECT_EQ(got->hints[0].path, "b");

  publish = {{}, {}};
  publish.cookies = {{"nowhere", "c2", true}};
  EXPECT_EQ(client->publish(publish, "", 5000).error().code, ErrorCode::not_found);
}

TEST_P(BrokerTest, a_key_counts_once_also_after_it_is_done) {
  auto client = h_.client();
  auto resolver = h_.worker("resolver");
  ASSERT_TRUE(client->publish({{hint_at("a")}, {}}, "k", 5000).ok());
  end_lease(*resolver, await_lease(*resolver).id);
  ASSERT_TRUE(serve_until(*resolver, [&] { return web_status(*client).state == "idle"; }));
  ASSERT_TRUE(client->publish({{hint_at("a")}, {}}, "k", 5000).ok());
  EXPECT_EQ(web_status(*client).state, "idle");
  ASSERT_TRUE(client->publish({{hint_at("a")}, {}}, "k2", 5000).ok());
  EXPECT_EQ(await_lease(*resolver).hints.size(), 1U);
}

TEST_P(BrokerTest, twenty_thousand_hints_become_few) {
  auto client = h_.client();
  for (int batch = 0; batch < 20; ++batch) {
    Publish publish;
    for (int i = 0; i < 1000; ++i) publish.hints.push_back(hint_at(str("src/d", i % 10, "/f", batch * 1000 + i)));
    ASSERT_TRUE(client->publish(publish, "", 5000).ok());
  }
  const PairStatus status = web_status(*client);
  EXPECT_GT(status.hints_waiting, 0U);
  EXPECT_LE(status.hints_waiting, 10'000U);
  auto resolver = h_.worker("resolver");
  const Lease lease = await_lease(*resolver);
  EXPECT_LE(lease.hints.size(), 10'000U);
  EXPECT_TRUE(std::any_of(lease.hints.begin(), lease.hints.end(),
                          [](const Hint& h) { return h.path == "src" && h.recursive; }));
}

TEST_P(BrokerTest, what_is_left_over_is_leased_again_and_more_is_handed_over) {
  auto client = h_.client();
  auto resolver = h_.worker("resolver");
  ASSERT_TRUE(client->publish({{hint_at("a")}, {}}, "", 5000).ok());
  const Lease first = await_lease(*resolver);
  ASSERT_TRUE(client->publish({{hint_at("b")}, {}}, "", 5000).ok());
  post(*resolver, MessageType::lease_more, str(first.id), "");
  auto more = await_message(*resolver, MessageType::lease_more_reply);
  ASSERT_TRUE(more);
  EXPECT_EQ(decode<Lease>(more->body)->hints.at(0).path, "b");
  end_lease(*resolver, first.id, true, {hint_at("stale")});
  const Lease second = await_lease(*resolver);
  ASSERT_EQ(second.hints.size(), 1U);
  EXPECT_EQ(second.hints[0].path, "stale");
}

TEST_P(BrokerTest, a_failed_or_abandoned_lease_is_tried_again) {
  auto client = h_.client();
  auto first = h_.worker("resolver");
  ASSERT_TRUE(client->publish({{hint_at("a")}, {}}, "", 5000).ok());
  end_lease(*first, await_lease(*first).id, false);
  EXPECT_EQ(await_lease(*first).attempt, 2U);
  first.reset();
  auto second = h_.worker("resolver");
  const Lease lease = await_lease(*second);
  EXPECT_EQ(lease.attempt, 3U);
  EXPECT_EQ(lease.hints.size(), 1U);
}

TEST_P(BrokerTest, tasks_travel_and_a_worker_that_leaves_loses_them) {
  auto resolver = h_.worker("resolver");
  auto scanner = h_.worker("scanner");
  post(*resolver, MessageType::task, "t1", "look", "scanner");
  std::optional<Message> task;
  ASSERT_TRUE(
      serve_until(*resolver, [&] { return (task = await_message(*scanner, MessageType::task, 50)).has_value(); }));
  EXPECT_EQ(task->body, "look");
  post(*scanner, MessageType::task_data, "t1", "part");
  ASSERT_TRUE(scanner->poll(0).ok());
  auto data = await_message(*resolver, MessageType::task_data);
  ASSERT_TRUE(data);
  EXPECT_EQ(data->body, "part");
  scanner.reset();
  auto lost = await_message(*resolver, MessageType::task_lost);
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->envelope.id, "t1");
}

TEST_P(BrokerTest, a_worker_that_falls_silent_loses_its_tasks) {
  auto resolver = h_.worker("resolver");
  auto stuck = open_dealer(h_.context, h_.options.endpoints.back, "stuck");
  Envelope ready;
  ready.type = MessageType::ready;
  ASSERT_TRUE(serve_until(*resolver, [&] {
    return *send_message(*stuck, ready, encode(WorkerReady{"scanner", {}, 1, 1, "v"})) == SendOutcome::sent;
  }));
  post(*resolver, MessageType::task, "t1", "look", "scanner");
  EXPECT_TRUE(await_message(*resolver, MessageType::task_lost));
}

TEST_P(BrokerTest, what_a_dead_monitor_said_counts_no_more) {
  auto client = h_.client();
  EXPECT_EQ(web_status(*client).watch, "code: unwatched (no monitor); deploy: unwatched (no scanner)");
  auto monitor = h_.worker("monitor");
  ASSERT_TRUE(client->publish({{}, {{"web", Side::code, "live"}}}, "", 5000).ok());
  const auto watch = [&] { return web_status(*client).watch; };
  EXPECT_TRUE(serve_until(*monitor, [&] { return watch() == "code: live; deploy: unwatched (no scanner)"; }));
  monitor.reset();
  auto resolver = h_.worker("resolver");
  EXPECT_TRUE(serve_until(*resolver, [&] { return watch().starts_with("code: unwatched (no monitor)"); }));
  EXPECT_GT(web_status(*client).missing_ms, 0);
  EXPECT_TRUE(serve_until(*resolver, [&] { return web_status(*client).missing != "resolver"; }));
}

TEST_P(BrokerTest, who_shows_workers_hears_that_one_comes_or_goes) {
  auto opened = BrokerSubscriber::connect(h_.context, h_.options.endpoints, "web");
  ASSERT_TRUE(opened.ok());
  BrokerSubscriber& subscriber = **opened;
  const auto heard = [&] {
    const auto event = subscriber.next(100);
    return event.ok() && event->has_value() && (*event)->kind == EventKind::workers && (*event)->pair == "web";
  };
  auto scanner = h_.worker("scanner");
  // A subscription takes its time, and what was published before is missed.
  ASSERT_TRUE(serve_until(*scanner, [&] {
    h_.worker("monitor");
    return heard();
  }));
  while (heard()) {
  }
  auto monitor = h_.worker("monitor");
  EXPECT_TRUE(serve_until(*monitor, heard));
  while (heard()) {
  }
  monitor.reset();
  EXPECT_TRUE(serve_until(*scanner, heard));
}

TEST_P(BrokerTest, who_asks_as_the_observer_is_listed) {
  auto client = h_.client();
  const auto status = client->status({"", "observer", 7, "v"}, 5000);
  ASSERT_TRUE(status.ok() && status->workers.size() == 1);
  EXPECT_EQ(status->workers[0].service, "observer");
  EXPECT_EQ(status->workers[0].pid, 7U);
}

TEST_P(BrokerTest, a_worker_may_publish_and_watch_states_are_shown) {
  auto client = h_.client();
  auto scanner = h_.worker("scanner");
  Hint hint = hint_at("far");
  hint.side = Side::deploy;
  post(*scanner, MessageType::publish, "", encode(Publish{{hint}, {{"web", Side::deploy, "live"}}}));
  ASSERT_TRUE(serve_until(*scanner, [&] { return web_status(*client).hints_waiting == 1; }));
  EXPECT_EQ(web_status(*client).watch, "code: unwatched (no monitor); deploy: live");
  scanner->set_doing("list of web");
  EXPECT_TRUE(serve_until(*scanner, [&] {
    auto status = client->status({}, 5000);
    return status.ok() && status->workers.size() == 1 && status->workers[0].doing == "list of web";
  }));
}

TEST_P(BrokerTest, bad_requests_are_refused_with_a_reason) {
  auto client = h_.client();
  EXPECT_EQ(client->publish({{hint_at("x", "nowhere")}, {}}, "", 5000).error().code, ErrorCode::not_found);
  EXPECT_EQ(client->publish({{hint_at("../x")}, {}}, "", 5000).error().code, ErrorCode::usage);
  Hint sideless = hint_at("x");
  sideless.side = static_cast<Side>(7);
  EXPECT_EQ(client->publish({{sideless}, {}}, "", 5000).error().code, ErrorCode::usage);
  Request request = sync_request("");
  EXPECT_FALSE(client->request(request, 5000).ok());
  request = sync_request("r");
  request.paths = {"/abs"};
  EXPECT_EQ(client->request(request, 5000).error().code, ErrorCode::usage);
  EXPECT_EQ(client->status({"nowhere"}, 5000).error().code, ErrorCode::not_found);
  EXPECT_EQ(web_status(*client).state, "idle");
}

TEST_P(BrokerTest, a_second_broker_on_the_same_queue_is_refused) {
  BrokerOptions second = h_.options;
  second.endpoints = inproc_endpoints("elsewhere");
  auto refused = Broker::open(h_.context, second, h_.clock);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::busy);
  EXPECT_NE(refused.error().message.find(str("pid ", getpid())), std::string::npos);
}

TEST_P(BrokerTest, a_damaged_queue_becomes_a_rescan_of_every_pair) {
  {
    auto client = h_.client();
    ASSERT_TRUE(client->publish({{hint_at("x")}, {}}, "", 5000).ok());
  }
  h_.kill();
  std::filesystem::resize_file(h_.options.core.queue_path, 100);
  std::string told;
  h_.options.core.log = [&](BrokerSeverity severity, std::string_view text) {
    if (severity == BrokerSeverity::error) told += text;
  };
  h_.start();
  EXPECT_NE(told.find("damaged"), std::string::npos);
  auto resolver = h_.worker("resolver", 2);
  std::set<std::string> pairs;
  for (int i = 0; i < 2; ++i) {
    const Lease lease = await_lease(*resolver);
    pairs.insert(lease.pair);
    ASSERT_EQ(lease.hints.size(), 2U);
    EXPECT_TRUE(lease.hints[0].recursive && lease.hints[0].path.empty());
  }
  EXPECT_EQ(pairs.size(), 2U);
}

}  // namespace
}  // namespace twsync
