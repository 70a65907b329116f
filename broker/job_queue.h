#pragma once
// What waits and what is leased, per pair. Pure: fed with now (steady ns), no I/O; the journal is the caller's
// business.
//
//   ready --lease--> leased --done--> (gone)
//     ^                |failed, holder lost
//     |                v
//     +--not_before-- retrying --8 failures--> buried --new hint or request--> ready

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/core/coalesce.h"
#include "common/wire/messages.h"

namespace twsync {

struct QueueLimits {
  size_t scopes_per_side = 10'000;  ///< beyond that a pair's hints collapse to "rescan subtree"
  size_t requests_per_pair = 1'000;
  uint32_t max_failures = 8;
  int64_t backoff_first_ns = kSecond;
  int64_t backoff_max_ns = 60 * kSecond;
  int64_t aging_ns = 30 * kSecond;  ///< waiting this long lifts a pair by one priority
};

class JobQueue {
 public:
  /// Tokens are epoch << 32 | counter: one from another life of the broker never fits.
  JobQueue(QueueLimits limits, uint64_t seed, uint64_t epoch);

  void add_pair(const std::string& pair, int64_t now);
  bool knows(const std::string& pair) const { return pairs_.contains(pair); }
  bool has_request(const std::string& id) const { return request_pairs_.contains(id); }
  /// The pair that a waiting or leased request belongs to, "" = none.
  std::string pair_of_request(const std::string& id) const;
  size_t requests(const std::string& pair) const;
  std::string pair_of_lease(uint64_t id) const;          ///< "" = no such lease
  std::string holder_of(const std::string& pair) const;  ///< of its lease, "" = none

  /// REQUIRES: knows(hint.pair). `row`: its journal row, ascending.
  void add_hint(const Hint& hint, uint64_t row, int64_t now);
  /// The same for what a lease itself left over: it neither digs up a buried pair nor hurries a waiting one.
  void add_leftover(const Hint& hint, uint64_t row, int64_t now);
  /// REQUIRES: knows(request.pair). Twice the same id is one.
  void add_request(const Request& request, int64_t now);

  /// The pair whose turn it is, among those that are ready and for which `served` says yes.
  std::optional<std::string> next_ready(int64_t now, const std::function<bool(const std::string&)>& served) const;
  /// All that waits there becomes the holder's. REQUIRES: next_ready() named it.
  Lease lease(const std::string& pair, const std::string& holder, int64_t now);
  /// What came in since, for the holder of the pair's lease (`id` 0 = whichever it holds there); hints only.
  std::optional<Lease> more(const std::string& pair, const std::string& holder, uint64_t id);

  struct Ending {
    std::string pair;
    uint64_t bound = 0;  ///< hint rows up to this one end with the lease
    std::vector<std::string> requests;
  };
  /// First half of the end: from now on the lease can't be lost any more. nullopt = not this holder's (stale token).
  std::optional<Ending> begin_end(uint64_t id, const std::string& holder);
  /// Second half, once the end is journaled.
  void finish_end(uint64_t id, int64_t now_wall_ns);
  /// Everything back; retry after `retry_ns`, or with backoff when that is 0 or the other server is away. False = stale
  /// token.
  bool fail(uint64_t id, const std::string& holder, const Error& error, int64_t retry_ns, int64_t now);
  /// Its leases come back. Returns their pairs.
  std::vector<std::string> lose_holder(const std::string& holder, const Error& why, int64_t now);

  /// When a retry falls due next; INT64_MAX = nothing.
  int64_t next_deadline() const;

  struct Compaction {
    std::string pair;
    uint64_t above = 0;
    std::vector<Hint> hints;
  };
  /// A pair whose journal holds far more rows than it has scopes waiting.
  std::optional<Compaction> wants_compaction() const;
  void compacted(const std::string& pair, uint64_t last_row);

  /// state, counts, attempt, last_error, last_done_ns and busy_ms of a pair.
  PairStatus status(const std::string& pair, int64_t now) const;
  void set_last_done(const std::string& pair, int64_t wall_ns);
  std::vector<std::string> pairs() const;

 private:
  struct Active {
    uint64_t id = 0;
    std::string holder;
    HintSet hints{};
    HintSource source = HintSource::cron;
    std::vector<Request> requests;
    uint64_t bound = 0;
    uint64_t rows = 0;
    bool ending = false;
  };
  struct PairJobs {
    PairJobs(size_t limit, int64_t now) : hints(limit), busy_since(now) {}
    HintSet hints;
    HintSource source = HintSource::cron;  // the most urgent of all that waits
    std::deque<Request> requests;
    std::optional<Active> active;
    uint64_t last_row = 0;
    uint64_t rows = 0;  // journal rows behind `hints`
    int64_t waiting_since = 0;
    int64_t busy_since;  // neither idle nor, before the first sync, done
    int64_t not_before = 0;
    uint32_t attempt = 0;   // leases that failed since the last success
    uint32_t failures = 0;  // of those, the ones that count towards burying
    bool buried = false;
    std::string last_error;
    int64_t last_done_ns = 0;
    bool waiting() const { return !hints.empty() || !requests.empty(); }
  };

  void note_source(PairJobs& jobs, HintSource source, int64_t now);
  void note_arrival(PairJobs& jobs, HintSource source, int64_t now);
  void put_back(PairJobs& jobs, const Error& error, int64_t retry_ns, int64_t now);
  PairJobs* holding(uint64_t id, const std::string& holder, std::string* pair = nullptr);
  int64_t backoff(uint32_t attempt);
  static std::vector<Hint> hints_of(const HintSet& set, const std::string& pair, HintSource source);

  QueueLimits limits_;
  uint64_t random_;
  uint64_t next_token_;
  std::map<std::string, PairJobs> pairs_;
  std::map<std::string, std::string> request_pairs_;
};

}  // namespace twsync
