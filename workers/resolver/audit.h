#pragma once
// The audit after an unclean stop (I15): every file of the side in doubt is read again, in pieces, while nothing else
// is to do. What has another content under the recorded fingerprint is damage.

#include <cstdint>
#include <vector>

#include "workers/resolver/pair_work.h"

namespace twsync {

/// A piece that was read. `found` is pending in `work` and must be repaired (a cycle over just that, without another
/// scan) before accept_audit() moves the audit on; else the piece is read again.
struct AuditPiece {
  Side side = Side::code;
  uint64_t bytes = 0;
  uint64_t rows = 0;
  std::string up_to;
  std::vector<Scope> found;
  std::vector<std::string> unreadable;
  bool end = false;  ///< there was nothing left
};

/// Something is left to audit, and what the first look found was dealt with. REQUIRES for the rest: this, work.opened.
bool audit_is_due(const PairWork& work);
Result<AuditPiece> read_audit_piece(PairWork& work, const CycleServices& services);
/// Notes in the base how far the audit is; at the end the side is trusted again. A lost note costs only reading.
Status accept_audit(PairWork& work, const AuditPiece& piece);

/// For how long nothing more should be read after a piece, so that whoever uses the disks hardly notices.
int64_t audit_pause_ns(const AuditPiece& piece);

}  // namespace twsync
