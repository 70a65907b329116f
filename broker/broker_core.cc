#include "broker/broker_core.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "broker/validate.h"
#include "common/base/text.h"

namespace twsync {

namespace {
constexpr int64_t kPurgeNs = 3600 * kSecond;
constexpr int64_t kCommitRetryNs = kSecond;
}  // namespace

// Who may say what: everything else is dropped and counted.
const BrokerCore::Route BrokerCore::kRoutes[] = {
    {MessageType::publish, true, true, &BrokerCore::on_publish},
    {MessageType::request, true, false, &BrokerCore::on_request},
    {MessageType::attach, true, false, &BrokerCore::on_attach},
    {MessageType::status, true, false, &BrokerCore::on_status},
    {MessageType::heartbeat, true, false, &BrokerCore::on_ping},
    {MessageType::ready, false, true, &BrokerCore::on_ready},
    {MessageType::heartbeat, false, true, &BrokerCore::on_heartbeat},
    {MessageType::goodbye, false, true, &BrokerCore::on_goodbye},
    {MessageType::lease_more, false, true, &BrokerCore::on_lease_more},
    {MessageType::lease_done, false, true, &BrokerCore::on_lease_done},
    {MessageType::task, false, true, &BrokerCore::on_task},
    {MessageType::task_credit, false, true, &BrokerCore::on_task_control},
    {MessageType::task_cancel, false, true, &BrokerCore::on_task_control},
    {MessageType::task_data, false, true, &BrokerCore::on_task_reply},
    {MessageType::task_done, false, true, &BrokerCore::on_task_reply},
    {MessageType::task_failed, false, true, &BrokerCore::on_task_reply},
    {MessageType::event, false, true, &BrokerCore::on_event},
};

BrokerCore::BrokerCore(CoreOptions options, QueueStore store, uint64_t epoch)
    : options_(std::move(options)),
      epoch_(epoch),
      store_(std::move(store)),
      queue_(options_.queue, options_.seed, epoch),
      router_(workers_, options_.router) {}

Result<std::unique_ptr<BrokerCore>> BrokerCore::open(CoreOptions options, int64_t now, int64_t now_wall) {
  SYNC_ASSIGN(auto opened, QueueStore::open(options.queue_path, now_wall));
  SYNC_ASSIGN(const uint64_t epoch, opened.store.next_epoch((options.seed & 0x3fff'ffffULL) + 1));
  std::unique_ptr<BrokerCore> core(new BrokerCore(std::move(options), std::move(opened.store), epoch));
  core->begin_turn(now, now_wall);
  core->opened_ = now;
  if (opened.recovered) {
    core->log(BrokerSeverity::error,
              str("the queue was damaged: moved to ", opened.moved_to.empty() ? "(gone)" : opened.moved_to,
                  "; every pair is scanned anew"));
  }
  SYNC_TRY(core->load(opened.recovered, now));
  return core;
}

Status BrokerCore::load(bool recovered, int64_t now) {
  for (const std::string& pair : options_.pairs) queue_.add_pair(pair, now);
  SYNC_ASSIGN(const JournalContents contents, store_.load());
  uint64_t foreign = 0;
  for (const auto& [row, hint] : contents.hints) {
    // Rows of a pair that is not configured (any more) stay where they are.
    const bool usable = queue_.knows(hint.pair) && validate_hint(hint).ok();
    usable ? queue_.add_hint(hint, row, now) : static_cast<void>(++foreign);
  }
  for (const Request& request : contents.requests) {
    const bool usable = queue_.knows(request.pair) && validate_request(request).ok();
    usable ? queue_.add_request(request, now) : static_cast<void>(++foreign);
  }
  for (const auto& record : contents.pairs) {
    queue_.set_last_done(record.pair, record.last_done_ns);
    views_[record.pair].summary = record.last_summary;
  }
  if (foreign > 0)
    log(BrokerSeverity::warning,
        str(foreign, " journaled items belong to pairs that are not configured; they are kept"));
  if (recovered) SYNC_TRY(journal_rescan(now));
  return {};
}

Status BrokerCore::journal_rescan(int64_t now) {
  std::vector<Hint> hints;
  for (const std::string& pair : queue_.pairs()) {
    for (const Side side : {Side::code, Side::deploy})
      hints.push_back({HintSource::inotify, pair, side, "", true, "", false});
  }
  SYNC_TRY(store_.begin());
  uint64_t row = 0;
  const auto write = [&]() -> Status {
    if (!hints.empty()) {
      SYNC_ASSIGN(row, store_.add_hints(hints));
    }
    return store_.commit();
  };
  if (auto done = write(); !done.ok()) {
    store_.rollback();
    return done;
  }
  for (const Hint& hint : hints) queue_.add_hint(hint, row, now);
  return store_.recovery_done();
}

void BrokerCore::begin_turn(int64_t now, int64_t now_wall) {
  // When the whole process was stopped, the workers' silence is ours.
  if (now_ > 0) workers_.forgive(std::max<int64_t>(0, now - std::max(due_, now_ + kBeatNs)));
  now_ = now;
  now_wall_ = now_wall;
}

void BrokerCore::handle(Incoming in) {
  const bool front = in.socket == BrokerSocket::front;
  const auto route = std::find_if(std::begin(kRoutes), std::end(kRoutes), [&](const Route& r) {
    return r.type == in.envelope.type && (front ? r.front : r.back);
  });
  if (route == std::end(kRoutes)) {
    ++dropped_;
    return;
  }
  if (!front && in.envelope.type != MessageType::ready) {
    WorkerTable::Worker* worker = workers_.find(in.peer);
    if (worker == nullptr) {
      // From another life of the broker, or given up: it must register again.
      ++dropped_;
      if (in.envelope.type != MessageType::goodbye) reply(in, MessageType::goodbye);
      return;
    }
    worker->seen = now_;
  }
  (this->*route->handler)(in);
}

Status BrokerCore::end_turn() {
  SYNC_TRY(commit_writes());
  for (const std::string& silent : workers_.silent(now_)) {
    worker_gone(silent, {ErrorCode::io, "the worker was silent for too long", {}, 0});
    Envelope goodbye;
    goodbye.type = MessageType::goodbye;
    outgoing_.push_back({BrokerSocket::back, silent, std::move(goodbye), {}});
  }
  assign_leases();
  router_.assign(now_);
  beat();
  housekeeping();
  due_ = next_deadline();
  return {};
}

Status BrokerCore::commit_writes() {
  if (writes_.empty() || now_ < next_commit_) return {};
  std::vector<Write> writes = std::exchange(writes_, {});
  const auto all = [&]() -> Status {
    SYNC_TRY(store_.begin());
    for (const Write& write : writes) SYNC_TRY(write.write(store_));
    return store_.commit();
  };
  const Status done = all();
  if (done.ok()) {
    for (const Write& write : writes) write.committed();
    return {};
  }
  store_.rollback();
  next_commit_ = now_ + kCommitRetryNs;
  log(BrokerSeverity::error, str("cannot write the queue: ", describe(done.error())));
  for (Write& write : writes) {
    write.failed ? write.failed(done.error()) : writes_.push_back(std::move(write));
  }
  // The next start moves the damaged file aside; until then nothing may be acknowledged any more.
  return done.error().code == ErrorCode::corrupt ? done : Status{};
}

void BrokerCore::assign_leases() {
  for (;;) {
    const auto pair =
        queue_.next_ready(now_, [this](const std::string& name) { return workers_.pick("resolver", name) != nullptr; });
    if (!pair) return;
    WorkerTable::Worker* worker = workers_.pick("resolver", *pair);
    const Lease lease = queue_.lease(*pair, worker->identity, now_);
    workers_.give(*worker, now_);
    Envelope envelope;
    envelope.type = MessageType::lease;
    envelope.pair = *pair;
    envelope.id = str(lease.id);
    outgoing_.push_back({BrokerSocket::back, worker->identity, std::move(envelope), encode(lease)});
  }
}

void BrokerCore::beat() {
  for (const WorkerTable::Beat& due : workers_.take_beats(now_)) {
    Envelope beat;
    beat.count = told_interval(due.interval);
    outgoing_.push_back({BrokerSocket::back, due.identity, std::move(beat), {}});
  }
}

void BrokerCore::housekeeping() {
  // A compaction replaces rows by what the queue holds: rows that are still to be written would be missing in it.
  if (!writes_.empty()) return;
  while (auto compaction = queue_.wants_compaction()) {
    const auto shared = std::make_shared<std::pair<JobQueue::Compaction, uint64_t>>(std::move(*compaction), 0);
    // Counted as done now, so that it is asked for once; if the commit fails, the longer journal says the same.
    queue_.compacted(shared->first.pair, 0);
    writes_.push_back({[shared](QueueStore& store) -> Status {
                         SYNC_ASSIGN(shared->second,
                                     store.compact(shared->first.pair, shared->first.above, shared->first.hints));
                         return {};
                       },
                       [this, shared] { queue_.compacted(shared->first.pair, shared->second); }, [](const Error&) {}});
  }
  if (now_ < next_purge_) return;
  next_purge_ = now_ + kPurgeNs;
  const int64_t wall = now_wall_;
  writes_.push_back({[wall](QueueStore& store) { return store.purge(wall); }, [] {}, [](const Error&) {}});
}

std::vector<Outgoing> BrokerCore::take_outgoing() {
  for (Addressed& message : router_.take_outgoing()) {
    outgoing_.push_back(
        {BrokerSocket::back, std::move(message.to), std::move(message.envelope), std::move(message.body)});
  }
  for (const Outgoing& message : outgoing_) {
    if (message.socket == BrokerSocket::back && message.envelope.type != MessageType::heartbeat)
      workers_.told(message.peer, now_);
  }
  return std::exchange(outgoing_, {});
}

int64_t BrokerCore::next_deadline() const {
  int64_t next = workers_.next_beat();
  // A pair that is ready now waits for a worker, which will speak up by itself.
  if (const int64_t retry = queue_.next_deadline(); retry > now_) next = std::min(next, retry);
  if (!writes_.empty()) next = std::min(next, std::max(next_commit_, now_));
  return next;
}

void BrokerCore::connection_ended() {
  workers_.doubt(now_);
}

void BrokerCore::peer_gone(BrokerSocket socket, const std::string& peer) {
  if (socket == BrokerSocket::back) {
    if (workers_.find(peer) != nullptr) worker_gone(peer, {ErrorCode::io, "the worker went away", {}, 0});
    return;
  }
  for (auto it = followers_.begin(); it != followers_.end();) {
    it->second.erase(peer);
    it = it->second.empty() ? followers_.erase(it) : std::next(it);
  }
}

void BrokerCore::reply(const Incoming& in, MessageType type, std::string body) {
  Envelope envelope = in.envelope;
  envelope.type = type;
  outgoing_.push_back({in.socket, in.peer, std::move(envelope), std::move(body)});
}

void BrokerCore::refuse(const Incoming& in, const Error& error) {
  reply(in, MessageType::refused, encode(error));
}

void BrokerCore::log(BrokerSeverity severity, std::string_view text) const {
  if (options_.log) options_.log(severity, text);
}

}  // namespace twsync
