#include "broker/outbox.h"

#include <gtest/gtest.h>

namespace twsync {
namespace {

Outgoing event(const std::string& peer, EventKind kind, size_t size = 100) {
  Event event;
  event.kind = kind;
  event.text = std::string(size, 'x');
  Outgoing out;
  out.peer = peer;
  out.envelope.type = MessageType::event;
  out.envelope.pair = "p";
  out.body = encode(event);
  out.droppable = kind == EventKind::operation || kind == EventKind::progress;
  return out;
}

struct Sink {
  std::vector<Event> got;
  SendOutcome outcome = SendOutcome::sent;
  SendOutcome operator()(const Outgoing& message) {
    if (outcome == SendOutcome::sent && message.envelope.type == MessageType::event)
      got.push_back(*decode<Event>(message.body));
    return outcome;
  }
};

TEST(OutboxTest, a_slow_client_loses_operations_but_never_the_summary) {
  Outbox outbox(2000, 1'000'000);
  Sink sink;
  sink.outcome = SendOutcome::full;
  for (int i = 0; i < 100; ++i) outbox.push(event("slow", EventKind::operation));
  outbox.push(event("slow", EventKind::summary));
  EXPECT_TRUE(outbox.flush(std::ref(sink)).empty());

  sink.outcome = SendOutcome::sent;
  EXPECT_TRUE(outbox.flush(std::ref(sink)).empty());
  ASSERT_GE(sink.got.size(), 3U);
  EXPECT_LT(sink.got.size(), 20U);
  EXPECT_EQ(sink.got.back().kind, EventKind::summary);
  const Event& note = sink.got[sink.got.size() - 2];
  EXPECT_EQ(note.kind, EventKind::note);
  EXPECT_EQ(note.text.substr(0, note.text.find(' ')), std::to_string(100 - (sink.got.size() - 2)));
  EXPECT_TRUE(outbox.empty());
}

TEST(OutboxTest, one_slow_peer_does_not_hold_up_another) {
  Outbox outbox(10'000, 20'000);
  outbox.push(event("slow", EventKind::note));
  outbox.push(event("quick", EventKind::note));
  std::vector<std::string> sent;
  outbox.flush([&](const Outgoing& m) {
    if (m.peer == "slow") return SendOutcome::full;
    sent.push_back(m.peer);
    return SendOutcome::sent;
  });
  EXPECT_EQ(sent, std::vector<std::string>{"quick"});
}

TEST(OutboxTest, a_gone_or_hopeless_peer_is_given_up) {
  Outbox outbox(1000, 2000);
  outbox.push(event("gone", EventKind::note));
  for (int i = 0; i < 20; ++i) outbox.push(event("hopeless", EventKind::note));
  const auto lost =
      outbox.flush([&](const Outgoing& m) { return m.peer == "gone" ? SendOutcome::gone : SendOutcome::full; });
  EXPECT_EQ(lost.size(), 2U);
  EXPECT_TRUE(outbox.empty());
}

TEST(OutboxTest, heartbeats_do_not_pile_up) {
  Outbox outbox(1000, 2000);
  Outgoing beat;
  beat.socket = BrokerSocket::back;
  beat.peer = "w";
  for (int i = 0; i < 100; ++i) outbox.push(beat);
  int sent = 0;
  outbox.flush([&](const Outgoing&) {
    ++sent;
    return SendOutcome::sent;
  });
  EXPECT_EQ(sent, 1);
}

}  // namespace
}  // namespace twsync
