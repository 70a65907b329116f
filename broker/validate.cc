#include "broker/validate.h"

#include "common/base/rel_path.h"
#include "common/base/text.h"

namespace twsync {

namespace {

template <class Enum>
bool in_range(Enum value, Enum first, Enum last) {
  return value >= first && value <= last;
}

Status bad(std::string_view what, const std::string& path = {}) {
  return Error{ErrorCode::usage, str("refused: ", what), path, 0};
}

}  // namespace

Status validate_hint(const Hint& hint) {
  if (!in_range(hint.source, HintSource::manual, HintSource::cron)) return bad("unknown hint source");
  if (!in_range(hint.side, Side::code, Side::deploy)) return bad("unknown side");
  if (!is_valid_rel_path(hint.path)) return bad("not a relative path", hint.path);
  if (!is_valid_rel_path(hint.moved_from)) return bad("not a relative path", hint.moved_from);
  return {};
}

Status validate_request(const Request& request) {
  if (request.id.empty() || request.id.size() > kMaxIdBytes) return bad("a request needs an id of at most 128 bytes");
  if (!in_range(request.kind, RequestKind::sync, RequestKind::forget)) return bad("unknown kind of request");
  if (!in_range(request.source, HintSource::manual, HintSource::cron)) return bad("unknown source");
  if (!in_range(request.direction, Direction::both, Direction::to_code)) return bad("unknown direction");
  if (request.policy && !in_range(*request.policy, ConflictPolicy::newer, ConflictPolicy::manual))
    return bad("unknown policy");
  for (const std::string& path : request.paths) {
    if (!is_valid_rel_path(path)) return bad("not a relative path", path);
  }
  return {};
}

}  // namespace twsync
