// The large files of the base by their size: made when somebody first asks, kept by SQLite from then on.
#include <algorithm>

#include "common/base/text.h"
#include "common/store/base_store.h"
#include "common/store/sqlite_db.h"

namespace twsync {

namespace {

// A row holds its kind at byte 2 and its size, little-endian, at bytes 19 to 26, in every schema (FORMAT.md, "Row").
constexpr const char* kIsLargeFile = "substr(row, 2, 1) = x'01' AND substr(row, 21, 6) > x'000000000000'";

}  // namespace

Result<std::vector<BaseRow>> BaseStore::large_files(uint64_t size, size_t limit) {
  std::vector<BaseRow> rows;
  if (size < kLargeFile) return rows;
  if (!large_files_) {
    SYNC_TRY(db_->exec(
        str("CREATE INDEX IF NOT EXISTS base_by_size ON base (substr(row, 19, 8)) WHERE ", kIsLargeFile).c_str()));
    SYNC_ASSIGN(auto prepared, db_->prepare(str("SELECT key, row FROM base INDEXED BY base_by_size WHERE ",
                                                kIsLargeFile, " AND substr(row, 19, 8) = ?1 LIMIT ?2")));
    large_files_ = std::make_unique<Statement>(std::move(prepared));
  }
  Statement& select = *large_files_;
  std::string bytes;
  for (unsigned i = 0; i < 8; ++i) bytes += static_cast<char>(size >> (8 * i));
  select.bind_blob(1, bytes).bind(2, static_cast<int64_t>(limit));
  for (;;) {
    SYNC_ASSIGN(const bool more, select.step());
    if (!more) return rows;
    BaseRow row;
    row.path = select.column_bytes(0);
    std::replace(row.path.begin(), row.path.end(), '\0', '/');
    if (const Status decoded = decode_row(select.column_bytes(1), row); !decoded) {
      select.reset();
      return decoded.error();
    }
    rows.push_back(std::move(row));
  }
}

}  // namespace twsync
