// What producers and clients may say.

#include "broker/broker_core.h"
#include "broker/validate.h"
#include "common/base/text.h"

namespace twsync {

namespace {

constexpr const char* kObserver = "observer";
constexpr int64_t kObserverNs = 150 * kSecond;  // it asks once a minute at least

Error owners_only() {
  return {ErrorCode::denied,
          "members of the group may publish and ask for the status; this is for root or the user who runs the service",
          {},
          0};
}

Error no_such_pair(const std::string& pair) {
  return {ErrorCode::not_found, str("no pair named '", escape_bytes(pair), "' is served here"), {}, 0};
}

}  // namespace

// `count` tells this life of the broker from another: ZeroMQ reconnects a client without telling it, and who follows a
// request must attach again.
void BrokerCore::on_ping(Incoming& in) {
  in.envelope.count = epoch_;
  reply(in, MessageType::heartbeat);
}

// From either socket: the deploy side's hints come from the scanner. A worker that gives no id wants no answer.
void BrokerCore::on_publish(Incoming& in) {
  if (in.body.size() > kMaxPublishBytes || in.envelope.id.size() > kMaxIdBytes) {
    return refuse(in, {ErrorCode::usage, "publish: too large", {}, 0});
  }
  auto publish = decode<Publish>(in.body);
  if (!publish.ok()) return refuse(in, publish.error());
  for (const Hint& hint : publish->hints) {
    if (auto valid = validate_hint(hint); !valid.ok()) return refuse(in, valid.error());
    if (!queue_.knows(hint.pair)) return refuse(in, no_such_pair(hint.pair));
  }
  for (const WatchState& watch : publish->watch) {
    if (!queue_.knows(watch.pair) || watch.side > Side::deploy) return refuse(in, no_such_pair(watch.pair));
  }
  for (const CookieSeen& cookie : publish->cookies) {
    if (!queue_.knows(cookie.pair) || cookie.name.size() > kMaxIdBytes) return refuse(in, no_such_pair(cookie.pair));
  }
  if (!in.owner && !(publish->watch.empty() && publish->cookies.empty())) return refuse(in, owners_only());
  for (WatchState& watch : publish->watch)
    views_[watch.pair].watch[static_cast<size_t>(watch.side)] = std::move(watch.state);

  const bool wants_ack = in.socket == BrokerSocket::front || !in.envelope.id.empty();
  const std::string& key = in.envelope.id;
  bool known = publish->hints.empty();
  if (!known && !key.empty()) {
    auto found = store_.has_key(key);
    if (!found.ok()) return refuse(in, found.error());
    known = *found;
  }
  if (known) {
    if (wants_ack) reply(in, MessageType::ack);
    return pass_on(publish->cookies);
  }
  struct State {
    Incoming in;
    std::vector<Hint> hints;
    std::vector<CookieSeen> cookies;
    uint64_t row = 0;
  };
  const auto state =
      std::make_shared<State>(State{std::move(in), std::move(publish->hints), std::move(publish->cookies), 0});
  state->in.body.clear();
  writes_.push_back({[state](QueueStore& store) -> Status {
                       SYNC_ASSIGN(state->row, store.add_hints(state->hints));
                       if (state->in.envelope.id.empty()) return {};
                       return store.add_key(state->in.envelope.id, state->hints.back().pair, state->row);
                     },
                     [this, state, wants_ack] {
                       for (const Hint& hint : state->hints) queue_.add_hint(hint, state->row, now_);
                       if (wants_ack) reply(state->in, MessageType::ack);
                       pass_on(state->cookies);
                     },
                     [this, state, wants_ack](const Error& error) {
                       if (wants_ack) refuse(state->in, error);
                     }});
}

// Only once the hints before them can be had by lease_more.
void BrokerCore::pass_on(const std::vector<CookieSeen>& cookies) {
  for (const CookieSeen& cookie : cookies) {
    const std::string holder = queue_.holder_of(cookie.pair);
    if (holder.empty()) continue;
    Envelope envelope;
    envelope.type = MessageType::cookie_seen;
    envelope.pair = cookie.pair;
    envelope.id = cookie.name;
    envelope.count = cookie.whole ? 1 : 0;
    outgoing_.push_back({BrokerSocket::back, holder, std::move(envelope), {}});
  }
}

// An answer for a request that is open or ended lately; the client follows it from now on.
bool BrokerCore::tell_if_known(const Incoming& in, const std::string& request) {
  if (queue_.has_request(request)) {
    followers_[request].insert(in.peer);
    reply(in, MessageType::ack);
    // It may have ended but for the journal: the summary has passed already.
    if (const auto summary = summaries_.find(request); summary != summaries_.end())
      reply(in, MessageType::event, summary->second);
    return true;
  }
  auto ended = store_.done_event(request);
  if (!ended.ok()) {
    refuse(in, ended.error());
    return true;
  }
  if (!ended->has_value()) return false;
  reply(in, MessageType::ack);
  reply(in, MessageType::event, **ended);
  return true;
}

void BrokerCore::on_request(Incoming& in) {
  if (!in.owner) return refuse(in, owners_only());
  if (in.body.size() > kMaxRequestBytes) return refuse(in, {ErrorCode::usage, "request: too large", {}, 0});
  auto request = decode<Request>(in.body);
  if (!request.ok()) return refuse(in, request.error());
  if (auto valid = validate_request(*request); !valid.ok()) return refuse(in, valid.error());
  if (!queue_.knows(request->pair)) return refuse(in, no_such_pair(request->pair));
  in.envelope.id = request->id;
  in.envelope.pair = request->pair;
  if (tell_if_known(in, request->id)) return;
  if (queue_.requests(request->pair) >= options_.queue.requests_per_pair) {
    return refuse(in, {ErrorCode::busy, "too many requests wait for this pair", {}, 0});
  }
  const auto state = std::make_shared<std::pair<Incoming, Request>>(std::move(in), std::move(*request));
  writes_.push_back({[state](QueueStore& store) { return store.add_request(state->second); },
                     [this, state] {
                       queue_.add_request(state->second, now_);
                       followers_[state->second.id].insert(state->first.peer);
                       reply(state->first, MessageType::ack);
                     },
                     [this, state](const Error& error) { refuse(state->first, error); }});
}

void BrokerCore::on_attach(Incoming& in) {
  if (in.envelope.id.empty()) in.envelope.id = in.body.substr(0, kMaxIdBytes);
  if (tell_if_known(in, in.envelope.id)) return;
  refuse(in, {ErrorCode::not_found, "no such request", {}, 0});
}

PairStatus BrokerCore::pair_status(const std::string& pair) const {
  PairStatus status = queue_.status(pair, now_);
  status.watch = watch_text(pair);
  add_missing(status);
  const auto view = views_.find(pair);
  if (view == views_.end()) return status;
  status.progress = view->second.progress;
  status.last_summary = view->second.summary;
  return status;
}

// What a process said that is gone says nothing about now.
std::string BrokerCore::watch_text(const std::string& pair) const {
  const auto view = views_.find(pair);
  std::string text;
  for (const Side side : {Side::code, Side::deploy}) {
    const char* watcher = side == Side::code ? "monitor" : "scanner";
    std::string state = view == views_.end() ? "" : view->second.watch[static_cast<size_t>(side)];
    if (!workers_.any_for(watcher, pair)) state = str("unwatched (no ", watcher, ")");
    if (!state.empty()) text += str(text.empty() ? "" : "; ", to_string(side), ": ", state);
  }
  return text;
}

void BrokerCore::add_missing(PairStatus& status) const {
  int64_t since = INT64_MAX;
  for (const char* service : {"resolver", "scanner", "transfer", "monitor"}) {
    if (workers_.any_for(service, status.pair)) continue;
    const auto gone = gone_.find(service);
    const bool was_there = gone != gone_.end() && gone->second.contains(status.pair);
    const int64_t from = was_there ? gone->second.at(status.pair) : opened_;
    if (from >= since) continue;
    since = from;
    status.missing = service;
  }
  if (!status.missing.empty()) status.missing_ms = (now_ - since) / kMillisecond;
}

void BrokerCore::list_processes(StatusReply& status) const {
  for (const auto& [identity, worker] : workers_.all()) {
    status.workers.push_back({worker.ready.service, worker.ready.version, worker.doing, worker.ready.pid,
                              (now_ - worker.seen) / kMillisecond});
  }
  if (!observer_ || now_ - observer_->second > kObserverNs) return;
  status.workers.push_back(observer_->first);
  status.workers.back().last_seen_ms = (now_ - observer_->second) / kMillisecond;
}

void BrokerCore::on_status(Incoming& in) {
  auto query = decode<StatusQuery>(in.body);
  if (!query.ok()) return refuse(in, query.error());
  if (!query->pair.empty() && !queue_.knows(query->pair)) return refuse(in, no_such_pair(query->pair));
  StatusReply status;
  status.version = TWSYNC_VERSION;
  status.pid = options_.pid;
  for (const std::string& pair : queue_.pairs()) {
    if (query->pair.empty() || query->pair == pair) status.pairs.push_back(pair_status(pair));
  }
  if (in.owner && query->service == kObserver)
    observer_ = {{kObserver, query->version.substr(0, kMaxIdBytes), "idle", query->pid, 0}, now_};
  list_processes(status);
  reply(in, MessageType::status_reply, encode(status));
}

}  // namespace twsync
