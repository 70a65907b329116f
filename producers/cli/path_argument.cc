#include "producers/cli/path_argument.h"

#include <cstdlib>
#include <memory>

#include "common/app/installation.h"
#include "common/base/rel_path.h"
#include "common/base/text.h"

namespace twsync {

namespace {

/// The parent resolved, the last name as it is: a symlink is itself what changed, and it may be gone already.
std::string resolved(const std::string& path) {
  const std::string full = absolute_path(path);
  for (size_t end = full.rfind('/'); end != std::string::npos && end > 0; end = full.rfind('/', end - 1)) {
    const std::unique_ptr<char, void (*)(void*)> real(::realpath(full.substr(0, end).c_str(), nullptr), std::free);
    if (real) return str(real.get(), full.substr(end));
  }
  return full;
}

}  // namespace

Result<std::string> relative_argument(const std::string& path, const std::string& root) {
  // An empty variable in a script must not mean everything.
  if (path.empty()) return Error{ErrorCode::usage, "the path is empty: give . for the whole tree", {}, 0};
  std::string relative;
  if (path[0] == '/') {
    if (!relative_to(absolute_path(path), root, relative) && !relative_to(resolved(path), root, relative)) {
      return Error{ErrorCode::usage, str("this path is not below the root ", escape_bytes(root)), path, 0};
    }
  } else {
    // By text, against a root that no path can name: what leaves it ("../x") must not come back into it.
    const std::string anchor = str("/", std::string(256, 'x'));
    if (!relative_to(absolute_path(str(anchor, "/", path)), anchor, relative)) {
      return Error{ErrorCode::usage, "this path leaves the root", path, 0};
    }
  }
  if (!is_valid_rel_path(relative)) return Error{ErrorCode::usage, "this is no path below a root", path, 0};
  return relative;
}

}  // namespace twsync
