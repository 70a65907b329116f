#include "common/core/rename_candidates.h"

#include <algorithm>
#include <unordered_map>

#include "common/core/choose.h"
#include "common/core/units.h"

namespace twsync {

namespace {

/// Names that are gone, in the order of paths. Of several names of one inode each is used once (R47).
struct Gone {
  std::vector<const Row*> rows;
  size_t next = 0;
};
using ByInode = std::unordered_map<uint64_t, Gone>;

/// Base rows of `kind` that `side` no longer has, by the inode it had.
ByInode vanished_rows(const RenameMap& map, Side side, Kind kind, const Policy& policy) {
  ByInode found;
  for (const auto& [path, row] : map.rows()) {
    if (row.base == nullptr || row.base->agreed.kind != kind || !holds_nothing(row, side)) continue;
    if (is_suspect(row, side) || is_inside_unit(policy, path)) continue;
    const uint64_t inode = row.base->side(side).stamp.inode;
    if (inode != 0) found[inode].rows.push_back(&row);
  }
  return found;
}

/// The name that the next new one of this inode may have had, or nullptr.
const Row* take_gone(ByInode& gone, uint64_t inode) {
  const auto found = gone.find(inode);
  if (found == gone.end() || found->second.next == found->second.rows.size()) return nullptr;
  return found->second.rows[found->second.next++];
}

/// A new entry of `kind` on `side`, or nullptr.
const Entry* new_entry(const Row& row, Side side, Kind kind, const Policy& policy) {
  const Entry* e = row.view[index(side)].entry;
  if (is_suspect(row, side) || is_inside_unit(policy, row.path)) return nullptr;
  return row.base == nullptr && e != nullptr && e->kind == kind ? e : nullptr;
}

void order(std::vector<Candidate>& candidates, const Policy& policy) {
  const Side first = preferred_side(policy.conflicts);
  std::stable_sort(candidates.begin(), candidates.end(), [first](const Candidate& a, const Candidate& b) {
    if (const auto by_path = compare_paths(a.to, b.to); by_path != 0) return by_path < 0;
    return a.side == first && b.side != first;
  });
}

}  // namespace

std::vector<Candidate> directory_candidates(const RenameMap& map, const Policy& policy) {
  std::vector<Candidate> out;
  for (const Side side : {Side::code, Side::deploy}) {
    ByInode gone = vanished_rows(map, side, Kind::directory, policy);
    if (gone.empty()) continue;
    for (const auto& [path, row] : map.rows()) {
      const Entry* e = new_entry(row, side, Kind::directory, policy);
      if (e == nullptr) continue;
      const Row* source = take_gone(gone, e->stamp.inode);
      if (source != nullptr) out.push_back({side, std::string(source->path), std::string(path), false});
    }
  }
  order(out, policy);
  return out;
}

std::vector<Candidate> file_candidates(const RenameMap& map, const Policy& policy,
                                       std::vector<std::string> (&digests)[2]) {
  std::vector<Candidate> out;
  for (const Side side : {Side::code, Side::deploy}) {
    ByInode gone = vanished_rows(map, side, Kind::file, policy);
    if (gone.empty()) continue;
    for (const auto& [path, row] : map.rows()) {
      const Entry* e = new_entry(row, side, Kind::file, policy);
      if (e == nullptr) continue;
      const Row* source = take_gone(gone, e->stamp.inode);
      if (source == nullptr || source->base->agreed.size != e->size) continue;
      if (!e->digest.known()) {
        digests[index(side)].push_back(row.view[index(side)].origin->path);
      } else if (e->digest == source->base->agreed.digest) {
        out.push_back({side, std::string(source->path), std::string(path), false});
      }
    }
  }
  order(out, policy);
  return out;
}

}  // namespace twsync
