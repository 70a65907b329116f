#include "workers/resolver/audit.h"

#include <algorithm>
#include <map>

namespace twsync {

namespace {

constexpr size_t kPieceRows = 1000;
constexpr size_t kPieceFiles = 256;
constexpr uint64_t kPieceBytes = 32U << 20U;
constexpr uint64_t kBytesPerSecond = 32U << 20U;
constexpr int64_t kLeastPause = 50 * kMillisecond;

bool is_left(const PairWork& work, Side side) {
  const Doubt& doubt = work.doubt[static_cast<size_t>(side)];
  return doubt.active && !doubt.fresh && work.meta.recovery(side).audit;
}

using Rows = std::map<std::string, BaseRow>;

/// The files to read; `piece` says up to where they go.
Result<Rows> choose_rows(PairWork& work, AuditPiece& piece) {
  SYNC_ASSIGN(auto rows, work.base->rows_after(work.meta.recovery(piece.side).audited, kPieceRows));
  piece.end = rows.empty();
  Rows chosen;
  for (auto& row : rows) {
    if (chosen.size() == kPieceFiles || (piece.bytes > 0 && piece.bytes + row.agreed.size > kPieceBytes)) break;
    ++piece.rows;
    piece.up_to = row.path;
    if (!row.agreed.is_file() || !row.agreed.digest.known()) continue;
    piece.bytes += row.agreed.size;
    chosen.emplace(row.path, std::move(row));
  }
  return chosen;
}

/// Whatever has another fingerprint was changed by somebody and is a scan's business.
void judge(PairWork& work, const Rows& rows, PathEntry&& read, AuditPiece& piece) {
  const auto row = rows.find(read.path);
  if (row == rows.end() || !read.entry.is_file()) return;
  if (read.entry.stamp != row->second.side(piece.side).stamp) return;
  if (!read.entry.digest.known()) {
    piece.unreadable.push_back(std::move(read.path));
  } else if (read.entry.digest != row->second.agreed.digest) {
    piece.found.push_back({read.path, false});
    work.pending.set(piece.side, std::move(read.path), std::move(read.entry));
  }
}

}  // namespace

bool audit_is_due(const PairWork& work) {
  return work.opened && (is_left(work, Side::code) || is_left(work, Side::deploy));
}

Result<AuditPiece> read_audit_piece(PairWork& work, const CycleServices& services) {
  AuditPiece piece;
  piece.side = is_left(work, Side::code) ? Side::code : Side::deploy;
  SYNC_ASSIGN(const Rows rows, choose_rows(work, piece));
  if (rows.empty()) return piece;
  ScanTask task;
  task.kind = ScanTaskKind::digest;
  task.pair_id = work.meta.pair_id;
  task.epoch = work.meta.epoch;
  auto& paths = piece.side == Side::code ? task.code_paths : task.deploy_paths;
  for (const auto& [path, row] : rows) paths.push_back(path);
  const auto take = [&](std::string_view body) -> Status {
    SYNC_ASSIGN(ScanChunk chunk, decode<ScanChunk>(body));
    if (chunk.side != piece.side) return Error{ErrorCode::peer_violation, "an answer of the other side", {}, 0};
    for (auto& e : chunk.entries) judge(work, rows, std::move(e), piece);
    return {};
  };
  const auto read = services.tasks.call("scanner", work.config.name, encode(task), take, services.stop);
  if (!read) return read.error();
  return piece;
}

Status accept_audit(PairWork& work, const AuditPiece& piece) {
  Recovery& recovery = work.meta.recovery(piece.side);
  if (piece.end) {
    work.doubt[static_cast<size_t>(piece.side)] = Doubt{};
    recovery = Recovery{};
  } else {
    recovery.audited = piece.up_to;
    recovery.audited_rows += piece.rows;
    recovery.found += piece.found.size();
  }
  SYNC_TRY(work.base->begin(false));
  SYNC_TRY(work.base->set_meta(work.meta));
  return work.base->commit();
}

int64_t audit_pause_ns(const AuditPiece& piece) {
  const auto at_rate = static_cast<int64_t>(piece.bytes * static_cast<uint64_t>(kSecond) / kBytesPerSecond);
  return std::max(kLeastPause, at_rate);
}

}  // namespace twsync
