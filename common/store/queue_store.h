#pragma once
// queue.db: the broker's journal of hints and requests, the only thing it keeps (DESIGN.md section 2, I10).
// Not thread-safe: the broker's thread owns it.

#include <optional>
#include <string>
#include <vector>

#include "common/store/sqlite_db.h"
#include "common/wire/messages.h"

namespace twsync {

/// What a broker finds at its start.
struct JournalContents {
  struct Row {
    uint64_t id = 0;
    Hint hint;
  };
  struct PairRecord {
    std::string pair;
    int64_t last_done_ns = 0;
    std::optional<Summary> last_summary;
  };
  std::vector<Row> hints;         ///< in order of acceptance
  std::vector<Request> requests;  ///< in order of acceptance
  std::vector<PairRecord> pairs;
};

/// What ends with a lease.
struct LeaseEnd {
  std::string pair;
  uint64_t bound = 0;  ///< hints of the pair up to this row are done
  struct Done {
    std::string request;
    std::string event;  ///< encoded summary Event, told again to whoever asks
  };
  std::vector<Done> requests;
  std::optional<Summary> last_summary;
  int64_t now_wall_ns = 0;
};

/// Every change happens between begin() and commit(): one transaction, one flush, for all that came in one turn of the
/// broker. When commit() returned ok it survives power loss; on any failure call rollback(), and nothing of it stands.
class QueueStore {
 public:
  struct Opened;
  /// Opens or creates. A damaged file is moved aside (never deleted), a new one made, and Opened::recovered says so:
  /// the caller must then journal a full rescan of every pair (I4) and call recovery_done(). A crash before that
  /// leaves a marker file, and the next open says `recovered` again.
  /// Errors: unsupported (written by a newer release), no_space, denied, busy, io.
  static Result<Opened> open(const std::string& path, int64_t now_wall_ns);
  Status recovery_done();

  /// corrupt when a row can't be read.
  Result<JournalContents> load();
  /// A number never returned before for this file (raised and durable), for fencing tokens.
  Result<uint64_t> next_epoch(uint64_t first);

  Status begin();
  Status commit();
  void rollback();

  /// Returns the row of the last one. REQUIRES: not empty.
  Result<uint64_t> add_hints(const std::vector<Hint>& hints);
  /// Remembers a publish's key; `pair`, `row`: what must be done before its 24 h begin.
  Status add_key(const std::string& key, const std::string& pair, uint64_t row);
  Result<bool> has_key(const std::string& key);
  /// Idempotent by request.id.
  Status add_request(const Request& request);
  Status end_lease(const LeaseEnd& end);
  /// The summary event of a request that ended within the last 24 h, encoded.
  Result<std::optional<std::string>> done_event(const std::string& request);
  /// Replaces the pair's hint rows above `above` by these; returns the last row (or `above`).
  Result<uint64_t> compact(const std::string& pair, uint64_t above, const std::vector<Hint>& hints);
  /// Forgets keys and ended requests whose 24 h are over, and the oldest keys beyond kMaxKeys.
  Status purge(int64_t now_wall_ns);

  static constexpr int64_t kKeepNs = 24LL * 3600 * 1'000'000'000;
  static constexpr int64_t kMaxKeys = 200'000;

 private:
  struct Statements {
    Statement add_hint, add_key, has_key, add_request, drop_hints, drop_request, add_done, set_pair, end_keys,
        done_event, drop_above, purge_keys, purge_done, cap_keys;
  };
  QueueStore(SqliteDb db, std::string path) : db_(std::move(db)), path_(std::move(path)) {}
  static Result<QueueStore> open_file(const std::string& path);
  Status prepare();

  SqliteDb db_;
  std::string path_;
  Statements q_;
};

struct QueueStore::Opened {
  QueueStore store;
  bool recovered = false;
  std::string moved_to;  ///< where the damaged file lies now; empty when it was gone already
};

}  // namespace twsync
