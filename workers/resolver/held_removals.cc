#include "workers/resolver/held_removals.h"

#include "common/base/rel_path.h"

namespace twsync {

namespace {

template <class Map, class Key>
const HeldRemovals::Missing* find_in(const Map& map, const Key& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

}  // namespace

void HeldRemovals::did_not_arrive(const Operation& op, ErrorCode code, bool known) {
  const Entry& content = op.desired;
  if ((op.kind != OpKind::put_file && op.kind != OpKind::link) || content.size == 0) return;
  Lost& lost = lost_[static_cast<size_t>(op.side)];
  const Missing missing{op.path, code};
  any_ = true;
  if (content.digest.known()) lost.digests.emplace(content.digest, missing);
  // A link's stamp is that of what stands on the same side.
  if (op.kind == OpKind::put_file && content.stamp.inode != 0) lost.inodes.emplace(content.stamp.inode, missing);
  const auto add = [&](Like& like) {
    like.names.emplace(base_name(op.path), missing);
    like.sizes.emplace(content.size, missing);
  };
  add(lost.all);
  if (!known) add(lost.fresh);
}

const HeldRemovals::Missing* HeldRemovals::Like::find(const Operation& removal) const {
  if (const Missing* missing = find_in(names, base_name(removal.path))) return missing;
  const uint64_t size = removal.expected.size;
  const auto like = sizes.lower_bound(size - size / 8);
  return like == sizes.end() || like->first > size + size / 8 ? nullptr : &like->second;
}

const HeldRemovals::Missing* HeldRemovals::holds(const Operation& removal, uint64_t inode, bool waits) {
  const Entry& removed = removal.expected;
  if (removal.kind != OpKind::remove || !removed.is_file() || removed.size == 0) return nullptr;
  Lost& lost = lost_[static_cast<size_t>(removal.side)];
  const Missing* missing = find_in(lost.digests, removed.digest);
  if (missing == nullptr) missing = find_in(lost.inodes, inode);
  if (missing == nullptr) missing = (waits ? lost.all : lost.fresh).find(removal);
  if (missing == nullptr) return nullptr;
  for (std::string_view up = removal.path; !up.empty();) {
    up = parent_path(up);
    if (!lost.directories.emplace(up).second) break;
  }
  return missing;
}

bool HeldRemovals::holds_directory(const Operation& removal) const {
  return removal.kind == OpKind::remove_directory &&
         lost_[static_cast<size_t>(removal.side)].directories.contains(removal.path);
}

}  // namespace twsync
