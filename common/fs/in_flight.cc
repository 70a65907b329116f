#include "common/fs/in_flight.h"

#include "common/base/rel_path.h"
#include "common/fs/state_dir.h"

namespace twsync {

namespace {

bool may_touch(const std::string& path) {
  return !path.empty() && is_valid_rel_path(path) && !is_state_path(path);
}

// The peer may name only what an operation of its kind can be about.
bool is_sound(const Operation& op) {
  // The root's own mode and times may be set; it is never made, replaced or removed.
  if (op.kind == OpKind::set_metadata && op.path.empty()) return op.expected.is_directory();
  if (!may_touch(op.path)) return false;
  if (op.kind == OpKind::rename) return may_touch(op.from) && !is_below(op.path, op.from);
  if (op.kind == OpKind::link) return may_touch(op.from) && op.path != op.from;
  if (op.kind == OpKind::put_symlink) {
    const std::string& target = op.desired.target;
    return !target.empty() && target.size() < 4096 && target.find('\0') == std::string::npos;
  }
  return true;
}

}  // namespace

std::unique_ptr<InFlight> InFlight::from(Batch batch) {
  auto flight = std::make_unique<InFlight>();
  flight->batch = std::move(batch);
  const std::vector<Operation>& operations = flight->batch.operations;
  flight->items.resize(operations.size());
  for (size_t i = 0; i < operations.size(); ++i) {
    Item& item = flight->items[i];
    item.op = &operations[i];
    item.result.id = operations[i].id;
    if (operations[i].kind == OpKind::put_file) flight->puts.push_back(i);
    if (!is_sound(operations[i]))
      item.fail(Error{ErrorCode::peer_violation, "not an operation that may be applied", {}, 0});
  }
  return flight;
}

}  // namespace twsync
