#include "broker/worker_table.h"

#include <algorithm>
#include <utility>

namespace twsync {

bool WorkerTable::Worker::serves(const std::string& pair) const {
  return ready.pairs.empty() || std::find(ready.pairs.begin(), ready.pairs.end(), pair) != ready.pairs.end();
}

WorkerTable::Worker& WorkerTable::add(const std::string& identity, WorkerReady ready, int64_t now) {
  Worker& worker = workers_[identity];
  worker = Worker{identity, std::move(ready), "idle", now, 0, 0, kBeatNs, now, now};
  return worker;
}

WorkerTable::Worker* WorkerTable::find(const std::string& identity) {
  const auto found = workers_.find(identity);
  return found == workers_.end() ? nullptr : &found->second;
}

WorkerTable::Worker* WorkerTable::pick(const std::string& service, const std::string& pair) {
  Worker* best = nullptr;
  for (auto& [identity, worker] : workers_) {
    if (worker.ready.service != service || !worker.has_room() || !worker.serves(pair)) continue;
    const auto rank = [](const Worker& w) { return std::pair(w.busy, w.last_given); };
    if (best == nullptr || rank(worker) < rank(*best)) best = &worker;
  }
  return best;
}

bool WorkerTable::any_for(const std::string& service, const std::string& pair) const {
  return std::any_of(workers_.begin(), workers_.end(), [&](const auto& item) {
    return item.second.ready.service == service && item.second.serves(pair);
  });
}

void WorkerTable::hasten(Worker& worker, int64_t now) {
  if (worker.interval == kBeatNs) return;
  worker.interval = kBeatNs;
  worker.since = now;
  worker.next_beat = std::min(worker.next_beat, now + kBeatNs);
}

void WorkerTable::give(Worker& worker, int64_t now) {
  ++worker.busy;
  worker.last_given = ++turn_;
  hasten(worker, now);
}

void WorkerTable::take_back(const std::string& identity) {
  if (Worker* worker = find(identity); worker != nullptr && worker->busy > 0) --worker->busy;
}

void WorkerTable::told(const std::string& identity, int64_t now) {
  if (Worker* worker = find(identity); worker != nullptr) hasten(*worker, now);
}

std::vector<WorkerTable::Beat> WorkerTable::take_beats(int64_t now) {
  std::vector<Beat> due;
  for (auto& [identity, worker] : workers_) {
    if (now < worker.next_beat) continue;
    const bool rest = worker.ready.rests && worker.busy == 0 && now >= doubt_until_;
    worker.interval = rest ? kRestBeatNs : kBeatNs;
    // Those that rest are spoken to in one turn.
    worker.next_beat = rest ? (now / kRestBeatNs + 1) * kRestBeatNs : now + kBeatNs;
    due.push_back({identity, worker.interval});
  }
  return due;
}

int64_t WorkerTable::next_beat() const {
  int64_t next = INT64_MAX;
  for (const auto& [identity, worker] : workers_) next = std::min(next, worker.next_beat);
  return next;
}

void WorkerTable::doubt(int64_t now) {
  doubt_until_ = now + kMissedBeats * kBeatNs;
  for (auto& [identity, worker] : workers_) {
    hasten(worker, now);
    worker.next_beat = now;
  }
}

std::vector<std::string> WorkerTable::silent(int64_t now) const {
  std::vector<std::string> gone;
  for (const auto& [identity, worker] : workers_) {
    if (now - std::max(worker.seen, worker.since) > kMissedBeats * worker.interval) gone.push_back(identity);
  }
  return gone;
}

void WorkerTable::forgive(int64_t gap) {
  for (auto& [identity, worker] : workers_) {
    worker.seen += gap;
    worker.since += gap;
  }
}

}  // namespace twsync
