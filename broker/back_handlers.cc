// What workers may say.

#include <algorithm>

#include "broker/broker_core.h"
#include "broker/validate.h"
#include "common/base/text.h"

namespace twsync {

namespace {
constexpr uint32_t kMaxCredit = 4096;
constexpr size_t kMaxDoingBytes = 200;
constexpr int64_t kMaxRetryMs = 3'600'000;
constexpr uint32_t kToldAttempts = 10;  // of those that fail alike

uint64_t parse_token(const std::string& text) {
  uint64_t token = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), token);
  return error == std::errc() && end == text.data() + text.size() ? token : 0;
}
}  // namespace

void BrokerCore::on_ready(Incoming& in) {
  auto ready = decode<WorkerReady>(in.body);
  if (!ready.ok() || ready->service.empty() || ready->service.size() > kMaxIdBytes) {
    ++dropped_;
    return;
  }
  if (workers_.find(in.peer) != nullptr)
    worker_gone(in.peer, {ErrorCode::cancelled, "the worker registered again", {}, 0});
  ready->credit = std::clamp(ready->credit, 1U, kMaxCredit);
  log(BrokerSeverity::info, str("worker ready: ", escape_bytes(ready->service), ", pid ", ready->pid));
  tell_workers_changed(workers_.add(in.peer, std::move(*ready), now_));
  outgoing_.push_back({BrokerSocket::back, in.peer, Envelope{}, {}});
}

void BrokerCore::on_heartbeat(Incoming& in) {
  auto beat = decode<Heartbeat>(in.body);
  if (!beat.ok()) {
    ++dropped_;
    return;
  }
  WorkerTable::Worker& worker = *workers_.find(in.peer);
  worker.doing = beat->doing.substr(0, kMaxDoingBytes);
  if (!beat->asks) return;
  Envelope answer;
  answer.count = told_interval(worker.interval);
  outgoing_.push_back({BrokerSocket::back, in.peer, std::move(answer), {}});
}

void BrokerCore::on_goodbye(Incoming& in) {
  worker_gone(in.peer, {ErrorCode::cancelled, "the worker shut down", {}, 0});
}

void BrokerCore::worker_gone(const std::string& identity, const Error& why) {
  const WorkerTable::Worker* worker = workers_.find(identity);
  log(BrokerSeverity::info,
      str("worker gone: ", escape_bytes(worker->ready.service), ", pid ", worker->ready.pid, ": ", why.message));
  const WorkerTable::Worker gone = *worker;
  workers_.remove(identity);
  note_gone(gone);
  tell_workers_changed(gone);
  router_.peer_gone(identity);
  for (const std::string& pair : queue_.lose_holder(identity, why, now_)) views_[pair].progress.reset();
}

void BrokerCore::note_gone(const WorkerTable::Worker& worker) {
  const std::string& service = worker.ready.service;
  for (const std::string& pair : queue_.pairs()) {
    if (!worker.serves(pair) || workers_.any_for(service, pair)) continue;
    gone_[service].insert_or_assign(pair, now_);
    // A monitor says its states as soon as it is back; a scanner only once it reaches the side again.
    if (service == "scanner") views_[pair].watch[static_cast<size_t>(Side::deploy)].clear();
  }
}

void BrokerCore::tell_workers_changed(const WorkerTable::Worker& worker) {
  for (const std::string& pair : queue_.pairs()) {
    if (!worker.serves(pair)) continue;
    Event event;
    event.kind = EventKind::workers;
    event.pair = pair;
    event.at_ns = now_wall_;
    Envelope envelope;
    envelope.type = MessageType::event;
    envelope.pair = pair;
    send_event({}, envelope, encode(event), true);
  }
}

void BrokerCore::on_lease_more(Incoming& in) {
  auto lease = queue_.more(in.envelope.pair, in.peer, parse_token(in.envelope.id));
  if (!lease) {
    ++dropped_;
    lease.emplace();
    lease->pair = in.envelope.pair;
  }
  reply(in, MessageType::lease_more_reply, encode(*lease));
}

void BrokerCore::on_lease_done(Incoming& in) {
  auto done = decode<LeaseDone>(in.body);
  if (!done.ok()) {
    ++dropped_;
    return;
  }
  done->done ? end_lease(in.peer, *done) : fail_lease(in.peer, *done);
}

std::vector<LeaseEnd::Done> BrokerCore::request_ends(const JobQueue::Ending& ending, const Error& error) {
  std::vector<LeaseEnd::Done> ends;
  for (const std::string& id : ending.requests) {
    std::string& summary = summaries_[id];
    if (summary.empty()) {
      // Nobody who waits for it may wait for ever.
      Event event;
      event.kind = EventKind::summary;
      event.pair = ending.pair;
      event.at_ns = now_wall_;
      event.summary.emplace();
      event.summary->error = error;
      summary = encode(event);
      Envelope envelope;
      envelope.type = MessageType::event;
      envelope.pair = ending.pair;
      envelope.id = id;
      send_event(id, envelope, summary, false);
    }
    ends.push_back({id, summary});
  }
  return ends;
}

void BrokerCore::end_lease(const std::string& holder, LeaseDone& done) {
  const auto ending = queue_.begin_end(done.id, holder);
  if (!ending) {
    ++dropped_;
    return;
  }
  struct State {
    LeaseEnd end;
    std::vector<Hint> again;
    uint64_t row = 0;
  };
  const auto state = std::make_shared<State>();
  state->end = {ending->pair, ending->bound, request_ends(*ending, done.error), views_[ending->pair].summary,
                now_wall_};
  for (Hint& hint : done.again) {
    hint.pair = ending->pair;
    validate_hint(hint).ok() ? state->again.push_back(std::move(hint)) : static_cast<void>(++dropped_);
  }
  const auto write = [state](QueueStore& store) -> Status {
    SYNC_TRY(store.end_lease(state->end));
    if (state->again.empty()) return {};
    SYNC_ASSIGN(state->row, store.add_hints(state->again));
    return {};
  };
  const auto committed = [this, state, holder, id = done.id] {
    queue_.finish_end(id, state->end.now_wall_ns);
    for (const Hint& hint : state->again) queue_.add_leftover(hint, state->row, now_);
    for (const LeaseEnd::Done& request : state->end.requests) finish_request(request.request);
    views_[state->end.pair].progress.reset();
    workers_.take_back(holder);
  };
  writes_.push_back({write, committed, {}});
}

void BrokerCore::finish_request(const std::string& id) {
  followers_.erase(id);
  summaries_.erase(id);
}

void BrokerCore::fail_lease(const std::string& holder, LeaseDone& done) {
  const std::string pair = queue_.pair_of_lease(done.id);
  const std::string failed_before = queue_.status(pair, now_).last_error;
  if (done.error.code == ErrorCode::ok) done.error = {ErrorCode::io, "the cycle did not finish", {}, 0};
  if (!queue_.fail(done.id, holder, done.error, std::clamp<int64_t>(done.retry_ms, 0, kMaxRetryMs) * kMillisecond,
                   now_)) {
    ++dropped_;
    return;
  }
  workers_.take_back(holder);
  views_[pair].progress.reset();
  const PairStatus status = queue_.status(pair, now_);
  const bool buried = status.state == "buried";
  const bool news = status.last_error != failed_before || status.attempt % kToldAttempts == 0;
  if (news || buried)
    log(buried ? BrokerSeverity::error : BrokerSeverity::warning,
        str("pair ", pair, ": attempt ", status.attempt, " failed: ", status.last_error,
            buried ? "; given up until a new hint or request" : ""));
  std::erase_if(done.again, [&](Hint& hint) {
    hint.pair = pair;
    return !validate_hint(hint).ok();
  });
  if (done.again.empty()) return;
  // They only add to what was put back; nobody waits for an answer.
  const auto state = std::make_shared<std::pair<std::vector<Hint>, uint64_t>>(std::move(done.again), 0);
  writes_.push_back({[state](QueueStore& store) -> Status {
                       SYNC_ASSIGN(state->second, store.add_hints(state->first));
                       return {};
                     },
                     [this, state] {
                       for (const Hint& hint : state->first) queue_.add_leftover(hint, state->second, now_);
                     },
                     {}});
}

void BrokerCore::on_task(Incoming& in) {
  router_.submit(in.peer, std::move(in.envelope), std::move(in.body));
}

void BrokerCore::on_task_control(Incoming& in) {
  router_.control(in.peer, std::move(in.envelope), std::move(in.body));
}

void BrokerCore::on_task_reply(Incoming& in) {
  router_.reply(in.peer, std::move(in.envelope), std::move(in.body));
}

void BrokerCore::on_event(Incoming& in) {
  auto event = decode<Event>(in.body);
  const std::string& request = in.envelope.id;
  const std::string pair = event.ok() && !event->pair.empty() ? event->pair : in.envelope.pair;
  if (!event.ok() || !queue_.knows(pair) || (!request.empty() && queue_.pair_of_request(request) != pair)) {
    ++dropped_;
    return;
  }
  PairView& view = views_[pair];
  if (event->progress) view.progress = event->progress;
  if (event->kind == EventKind::summary && event->summary && !event->summary->dry_run) view.summary = event->summary;
  if (event->kind == EventKind::summary && !request.empty()) summaries_[request] = in.body;
  const bool droppable = event->kind == EventKind::operation || event->kind == EventKind::progress;
  in.envelope.pair = pair;
  send_event(request, in.envelope, in.body, droppable);
}

void BrokerCore::send_event(const std::string& request, const Envelope& envelope, const std::string& body,
                            bool droppable) {
  if (const auto clients = followers_.find(request); !request.empty() && clients != followers_.end()) {
    for (const std::string& client : clients->second)
      outgoing_.push_back({BrokerSocket::front, client, envelope, body, droppable});
  }
  published_.push_back({envelope.pair, envelope, body});
}

}  // namespace twsync
