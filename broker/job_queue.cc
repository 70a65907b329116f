#include "broker/job_queue.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "common/base/check.h"

namespace twsync {

namespace {

constexpr size_t kMaxRequestsPerLease = 32;
constexpr uint64_t kCompactSlack = 4096;

// The world's fault, not the job's: however often it failed, it is worth trying again.
bool is_environment(ErrorCode code) {
  return code == ErrorCode::unreachable || code == ErrorCode::timeout || code == ErrorCode::no_space ||
         code == ErrorCode::busy || code == ErrorCode::cancelled;
}

}  // namespace

JobQueue::JobQueue(QueueLimits limits, uint64_t seed, uint64_t epoch)
    : limits_(limits), random_(seed), next_token_(epoch << 32U) {}

void JobQueue::add_pair(const std::string& pair, int64_t now) {
  pairs_.try_emplace(pair, limits_.scopes_per_side, now);
}

std::string JobQueue::pair_of_request(const std::string& id) const {
  const auto found = request_pairs_.find(id);
  return found == request_pairs_.end() ? std::string() : found->second;
}

size_t JobQueue::requests(const std::string& pair) const {
  const auto found = pairs_.find(pair);
  return found == pairs_.end() ? 0 : found->second.requests.size();
}

std::string JobQueue::pair_of_lease(uint64_t id) const {
  for (const auto& [name, jobs] : pairs_) {
    if (jobs.active && jobs.active->id == id) return name;
  }
  return {};
}

std::string JobQueue::holder_of(const std::string& pair) const {
  const auto jobs = pairs_.find(pair);
  return jobs != pairs_.end() && jobs->second.active ? jobs->second.active->holder : std::string{};
}

void JobQueue::note_source(PairJobs& jobs, HintSource source, int64_t now) {
  if (!jobs.waiting()) {
    if (!jobs.active && jobs.last_done_ns != 0) jobs.busy_since = now;
    jobs.source = source;
    jobs.waiting_since = now;
  }
  jobs.source = std::min(jobs.source, source);
}

void JobQueue::note_arrival(PairJobs& jobs, HintSource source, int64_t now) {
  note_source(jobs, source, now);
  if (jobs.buried) jobs.attempt = jobs.failures = 0;
  if (jobs.buried || source == HintSource::manual) jobs.not_before = now;
  jobs.buried = false;
}

void JobQueue::add_hint(const Hint& hint, uint64_t row, int64_t now) {
  note_arrival(pairs_.at(hint.pair), hint.source, now);
  add_leftover(hint, row, now);
}

void JobQueue::add_leftover(const Hint& hint, uint64_t row, int64_t now) {
  PairJobs& jobs = pairs_.at(hint.pair);
  note_source(jobs, hint.source, now);
  jobs.hints.add(hint);
  jobs.last_row = std::max(jobs.last_row, row);
  ++jobs.rows;
}

void JobQueue::add_request(const Request& request, int64_t now) {
  if (!request_pairs_.emplace(request.id, request.pair).second) return;
  PairJobs& jobs = pairs_.at(request.pair);
  note_arrival(jobs, request.source, now);
  jobs.requests.push_back(request);
}

std::optional<std::string> JobQueue::next_ready(int64_t now,
                                                const std::function<bool(const std::string&)>& served) const {
  std::optional<std::string> best;
  int64_t best_class = 0;
  int64_t best_since = 0;
  for (const auto& [name, jobs] : pairs_) {
    if (jobs.active || jobs.buried || !jobs.waiting() || jobs.not_before > now) continue;
    const int64_t lifted = static_cast<int64_t>(jobs.source) - (now - jobs.waiting_since) / limits_.aging_ns;
    const bool better = !best || lifted < best_class || (lifted == best_class && jobs.waiting_since < best_since);
    if (!better || !served(name)) continue;
    best = name;
    best_class = lifted;
    best_since = jobs.waiting_since;
  }
  return best;
}

std::vector<Hint> JobQueue::hints_of(const HintSet& set, const std::string& pair, HintSource source) {
  std::vector<Hint> hints;
  hints.reserve(set.size());
  for (const Side side : {Side::code, Side::deploy}) {
    for (Scope& scope : set.scopes(side)) {
      Hint& hint = hints.emplace_back();
      hint.source = source;
      hint.pair = pair;
      hint.side = side;
      hint.path = std::move(scope.path);
      hint.recursive = scope.recursive;
    }
  }
  return hints;
}

Lease JobQueue::lease(const std::string& pair, const std::string& holder, int64_t now) {
  PairJobs& jobs = pairs_.at(pair);
  SYNC_CHECK(!jobs.active && jobs.waiting(), "lease of a pair that is not ready");
  Active& active = jobs.active.emplace(Active{});
  active.id = ++next_token_;
  active.holder = holder;
  active.hints = std::exchange(jobs.hints, HintSet(limits_.scopes_per_side));
  active.source = jobs.source;
  active.bound = jobs.last_row;
  active.rows = std::exchange(jobs.rows, 0);
  while (!jobs.requests.empty() && active.requests.size() < kMaxRequestsPerLease) {
    active.requests.push_back(std::move(jobs.requests.front()));
    jobs.requests.pop_front();
  }
  jobs.waiting_since = now;
  return {active.id, pair, hints_of(active.hints, pair, active.source), active.requests, jobs.attempt + 1};
}

std::optional<Lease> JobQueue::more(const std::string& pair, const std::string& holder, uint64_t id) {
  const auto found = pairs_.find(pair);
  if (found == pairs_.end() || !found->second.active) return std::nullopt;
  PairJobs& jobs = found->second;
  Active& active = *jobs.active;
  if (active.holder != holder || active.ending || (id != 0 && id != active.id)) return std::nullopt;
  Lease lease{active.id, pair, hints_of(jobs.hints, pair, jobs.source), {}, jobs.attempt + 1};
  active.hints.merge(jobs.hints);
  active.source = std::min(active.source, jobs.source);
  active.bound = jobs.last_row;
  active.rows += std::exchange(jobs.rows, 0);
  jobs.hints = HintSet(limits_.scopes_per_side);
  return lease;
}

JobQueue::PairJobs* JobQueue::holding(uint64_t id, const std::string& holder, std::string* pair) {
  for (auto& [name, jobs] : pairs_) {
    if (!jobs.active || jobs.active->id != id || jobs.active->holder != holder || jobs.active->ending) continue;
    if (pair != nullptr) *pair = name;
    return &jobs;
  }
  return nullptr;
}

std::optional<JobQueue::Ending> JobQueue::begin_end(uint64_t id, const std::string& holder) {
  Ending ending;
  PairJobs* jobs = holding(id, holder, &ending.pair);
  if (jobs == nullptr) return std::nullopt;
  jobs->active->ending = true;
  ending.bound = jobs->active->bound;
  for (const Request& request : jobs->active->requests) ending.requests.push_back(request.id);
  return ending;
}

void JobQueue::finish_end(uint64_t id, int64_t now_wall_ns) {
  for (auto& [name, jobs] : pairs_) {
    if (!jobs.active || jobs.active->id != id) continue;
    for (const Request& request : jobs.active->requests) request_pairs_.erase(request.id);
    jobs.active.reset();
    jobs.attempt = jobs.failures = 0;
    jobs.not_before = 0;
    jobs.last_error.clear();
    jobs.last_done_ns = now_wall_ns;
    return;
  }
}

bool JobQueue::fail(uint64_t id, const std::string& holder, const Error& error, int64_t retry_ns, int64_t now) {
  PairJobs* jobs = holding(id, holder);
  if (jobs == nullptr) return false;
  put_back(*jobs, error, retry_ns, now);
  return true;
}

std::vector<std::string> JobQueue::lose_holder(const std::string& holder, const Error& why, int64_t now) {
  std::vector<std::string> lost;
  for (auto& [name, jobs] : pairs_) {
    if (!jobs.active || jobs.active->holder != holder || jobs.active->ending) continue;
    put_back(jobs, why, 0, now);
    lost.push_back(name);
  }
  return lost;
}

void JobQueue::put_back(PairJobs& jobs, const Error& error, int64_t retry_ns, int64_t now) {
  // A manual request that came meanwhile wants to be tried at once; it must not wait for what failed before it came.
  const bool urgent = jobs.waiting() && jobs.source == HintSource::manual;
  Active active = std::move(*jobs.active);
  jobs.active.reset();
  if (!jobs.waiting()) jobs.source = active.source;
  jobs.source = std::min(jobs.source, active.source);
  jobs.hints.merge(active.hints);
  jobs.rows += active.rows;
  jobs.requests.insert(jobs.requests.begin(), active.requests.begin(), active.requests.end());
  ++jobs.attempt;
  if (!is_environment(error.code)) ++jobs.failures;
  jobs.last_error = describe(error);
  jobs.buried = jobs.failures >= limits_.max_failures && !urgent;
  // Another server that is away is asked less and less often, whatever the resolver proposes.
  const bool away = error.code == ErrorCode::unreachable || error.code == ErrorCode::timeout;
  if (away || retry_ns == 0) retry_ns = std::max(retry_ns, backoff(jobs.attempt));
  jobs.not_before = urgent ? now : now + retry_ns;
}

int64_t JobQueue::backoff(uint32_t attempt) {
  const uint32_t doublings = std::min(attempt - 1, 30U);
  int64_t delay = limits_.backoff_first_ns;
  for (uint32_t i = 0; i < doublings && delay < limits_.backoff_max_ns; ++i) delay *= 2;
  delay = std::min(delay, limits_.backoff_max_ns);
  // splitmix64: between 3/4 and 5/4 of the delay.
  uint64_t z = (random_ += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
  z ^= z >> 31U;
  return delay - delay / 4 + static_cast<int64_t>(z % static_cast<uint64_t>(delay / 2 + 1));
}

int64_t JobQueue::next_deadline() const {
  int64_t next = std::numeric_limits<int64_t>::max();
  for (const auto& [name, jobs] : pairs_) {
    if (!jobs.active && !jobs.buried && jobs.waiting()) next = std::min(next, jobs.not_before);
  }
  return next;
}

std::optional<JobQueue::Compaction> JobQueue::wants_compaction() const {
  for (const auto& [name, jobs] : pairs_) {
    if (jobs.rows <= 2 * jobs.hints.size() + kCompactSlack) continue;
    return Compaction{name, jobs.active ? jobs.active->bound : 0, hints_of(jobs.hints, name, jobs.source)};
  }
  return std::nullopt;
}

void JobQueue::compacted(const std::string& pair, uint64_t last_row) {
  PairJobs& jobs = pairs_.at(pair);
  jobs.last_row = std::max(jobs.last_row, last_row);
  jobs.rows = jobs.hints.size();
}

PairStatus JobQueue::status(const std::string& pair, int64_t now) const {
  PairStatus status;
  status.pair = pair;
  const auto found = pairs_.find(pair);
  if (found == pairs_.end()) return status;
  const PairJobs& jobs = found->second;
  status.state = jobs.active ? "running" : jobs.buried ? "buried" : !jobs.waiting() ? "idle" : "waiting";
  if (!jobs.active && !jobs.buried && jobs.waiting() && jobs.attempt > 0 && jobs.not_before > now)
    status.state = "retrying";
  status.hints_waiting = jobs.hints.size();
  status.requests_waiting = jobs.requests.size();
  status.attempt = jobs.attempt;
  status.last_done_ns = jobs.last_done_ns;
  status.last_error = jobs.last_error;
  if (status.state != "idle" || jobs.last_done_ns == 0) status.busy_ms = (now - jobs.busy_since) / kMillisecond;
  return status;
}

void JobQueue::set_last_done(const std::string& pair, int64_t wall_ns) {
  if (const auto found = pairs_.find(pair); found != pairs_.end()) found->second.last_done_ns = wall_ns;
}

std::vector<std::string> JobQueue::pairs() const {
  std::vector<std::string> names;
  for (const auto& [name, jobs] : pairs_) names.push_back(name);
  return names;
}

}  // namespace twsync
