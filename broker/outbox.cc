#include "broker/outbox.h"

#include "common/base/text.h"

namespace twsync {

namespace {

constexpr size_t kOverhead = 128;

Outgoing dropped_note(const Outgoing& next, uint64_t dropped) {
  Event event;
  event.kind = EventKind::note;
  event.pair = next.envelope.pair;
  event.text = str(dropped, " operation and progress events were left out: this client reads too slowly");
  Outgoing note = next;
  note.body = encode(event);
  return note;
}

}  // namespace

void Outbox::append(Queue& queue, Outgoing message) {
  queue.bytes += message.body.size() + kOverhead;
  queue.messages.push_back(std::move(message));
}

void Outbox::push(Outgoing message) {
  Queue& queue = peers_[{message.socket, message.peer}];
  const bool beat = message.envelope.type == MessageType::heartbeat;
  // A heartbeat behind other messages says nothing that they don't.
  if (beat && !queue.messages.empty()) return;
  if (message.droppable && queue.bytes + message.body.size() > soft_bytes_) {
    ++queue.dropped;
    return;
  }
  if (queue.dropped > 0 && message.envelope.type == MessageType::event) {
    append(queue, dropped_note(message, std::exchange(queue.dropped, 0)));
  }
  append(queue, std::move(message));
}

std::vector<Outbox::Peer> Outbox::flush(const Send& send) {
  std::vector<Peer> gone;
  for (auto it = peers_.begin(); it != peers_.end();) {
    Queue& queue = it->second;
    SendOutcome outcome = SendOutcome::sent;
    while (!queue.messages.empty()) {
      outcome = send(queue.messages.front());
      if (outcome != SendOutcome::sent) break;
      queue.bytes -= queue.messages.front().body.size() + kOverhead;
      queue.messages.pop_front();
    }
    if (outcome == SendOutcome::gone || queue.bytes > hard_bytes_) gone.push_back(it->first);
    const bool finished =
        outcome == SendOutcome::gone || queue.bytes > hard_bytes_ || (queue.messages.empty() && queue.dropped == 0);
    it = finished ? peers_.erase(it) : std::next(it);
  }
  return gone;
}

}  // namespace twsync
