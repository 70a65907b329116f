#pragma once
// Which files of the base may hold what a batch is about to put, so that a copy sends nothing.

#include <vector>

#include "common/wire/apply_messages.h"
#include "workers/resolver/pair_work.h"

namespace twsync {

/// The operations of a stage, those last that may put what others of it put before. Pure.
struct CopiesLast {
  std::vector<const Operation*> first;
  std::vector<const Operation*> copies;  ///< large files that are not the first of their size
  uint64_t copied_bytes = 0;             ///< of these
};
CopiesLast copies_last(const std::vector<Operation>& operations, size_t begin, size_t end);

/// Sets `batch.twins`: for each large file that is put, files of its size that, as far as known, stand on the target as
/// both sides agreed on them, and those that the batch puts before. Costs a look into an index for each such file.
/// Where a file could not be copied last time
/// (`PairWork::uncopied`) it is left to travel.
Status offer_twins(PairWork& work, Batch& batch);
/// What came of a put_file decides whether its twins are offered when it is put again.
void note_uncopied(PairWork& work, const Operation& op, const OpResult& result);

}  // namespace twsync
