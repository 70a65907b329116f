// What came of each operation, and what stands at its path now.

#include <cerrno>

#include "common/base/rel_path.h"
#include "common/fs/executor.h"
#include "common/fs/stale.h"

namespace twsync {

namespace {

bool is_absence(int err) {
  return err == ENOENT || err == ENOTDIR || err == ELOOP;
}

}  // namespace

BatchResult Executor::report(InFlight& flight) {
  DirCache parents(root_);
  BatchResult out;
  out.batch = flight.batch.id;
  out.wire_bytes = flight.wire_bytes;
  out.results.reserve(flight.items.size());
  for (Item& item : flight.items) {
    fill_result(item, parents);
    out.results.push_back(std::move(item.result));
  }
  return out;
}

void Executor::fill_result(Item& item, DirCache& parents) {
  const Operation& op = *item.op;
  if (item.result.code == ErrorCode::peer_violation) return;  // not even looked at
  auto parent = op.path.empty() ? Result<int>(root_.fd()) : parents.parent_of(op.path);
  const std::string name = op.path.empty() ? "." : std::string(base_name(op.path));
  auto entry = parent ? reader_.at(*parent, name.c_str()) : Result<Entry>(parent.error());
  if (!entry && is_absence(entry.error().sys_errno)) entry = Entry{};
  if (!entry) {
    item.fail(std::move(entry).error());
    return;
  }
  item.result.target = std::move(entry).value();
  if (!item.ok()) return;
  const Entry& target = item.result.target;
  const Error changed = stale("it was changed right after");
  switch (op.kind) {
    case OpKind::make_directory:
      if (!target.is_directory()) item.fail(changed);
      break;
    case OpKind::put_file:
    case OpKind::link:
      item.same_content ? check_metadata(item) : check_put(item);
      break;
    case OpKind::put_symlink:
      if (!target.is_symlink() || target.target != op.desired.target) item.fail(changed);
      break;
    case OpKind::rename:
      if (target.stamp.inode != item.after.inode) item.fail(changed);
      if (target.is_file() && target.stamp == item.after.stamp()) item.result.target.digest = item.digest;
      break;
    case OpKind::set_metadata:
      check_metadata(item);
      break;
    case OpKind::remove:
    case OpKind::remove_directory:
      if (target.exists()) item.fail(changed);
      break;
  }
}

void Executor::check_metadata(Item& item) {
  Entry& target = item.result.target;
  const Error changed = stale("it was changed right after");
  if (target.stamp.inode != item.after.inode) item.fail(changed);
  if (const auto own = own_.find(item.after.inode); own != own_.end()) item.after = own->second;
  if (target.is_file() && target.stamp != item.after.stamp()) item.fail(changed);
  if (target.is_file()) target.digest = item.digest;
}

// The digest belongs to the inode that was staged, as long as nobody wrote to it since.
void Executor::check_put(Item& item) {
  Entry& target = item.result.target;
  const auto own = own_.find(item.staged_stat.inode);
  const Stamp staged = own != own_.end() ? own->second.stamp() : item.staged_stat.stamp();
  if (target.is_file() && target.stamp.inode == staged.inode && target.stamp.size == staged.size &&
      target.stamp.mtime_ns == staged.mtime_ns) {
    target.digest = item.digest;
  } else {
    item.fail(Error{ErrorCode::stale, "it was changed right after", {}, 0});
  }
}

}  // namespace twsync
