#include <iterator>

#include "common/model/entry.h"
#include "common/model/hint.h"
#include "common/model/plan.h"
#include "common/model/policy.h"

namespace twsync {

namespace {
template <class Enum, size_t N>
const char* pick(const char* const (&names)[N], Enum value) {
  const auto index = static_cast<size_t>(value);
  return index < N ? names[index] : "unknown";
}
}  // namespace

const char* to_string(Kind kind) {
  static constexpr const char* kNames[] = {"nothing", "file", "directory", "symlink", "other"};
  return pick(kNames, kind);
}

const char* to_string(HintSource source) {
  static constexpr const char* kNames[] = {"manual", "git-hook", "inotify", "cron"};
  return pick(kNames, source);
}

const char* to_string(OpKind kind) {
  static constexpr const char* kNames[] = {"unknown",  "make-directory",   "rename",
                                           "put-file", "put-symlink",      "set-metadata",
                                           "remove",   "remove-directory", "link"};
  return pick(kNames, kind);
}

const char* to_string(LoserCause cause) {
  static constexpr const char* kNames[] = {"ordinary",          "conflict", "edit-deleted", "suspect",
                                           "approved-deletion", "foreign",  "late-write"};
  return pick(kNames, cause);
}

const char* to_string(ParkedReason reason) {
  static constexpr const char* kNames[] = {"unknown",       "manual-conflict",  "mass-deletion",
                                           "root-identity", "no-space",         "denied",
                                           "failed",        "kind-unsupported", "versions-full"};
  return pick(kNames, reason);
}

const char* to_string(ConflictPolicy policy) {
  static constexpr const char* kNames[] = {"newer", "code-server", "deploy-server", "manual"};
  return pick(kNames, policy);
}

const char* to_string(Direction direction) {
  static constexpr const char* kNames[] = {"both", "to-deploy", "to-code"};
  return pick(kNames, direction);
}

}  // namespace twsync
