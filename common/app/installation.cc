#include "common/app/installation.h"

#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <fstream>

#include "common/base/hasher.h"
#include "common/base/rel_path.h"
#include "common/base/text.h"

#ifndef TWSYNC_PREFIX
#define TWSYNC_PREFIX "/opt/sutazaiapp"
#endif

namespace twsync {

namespace {

// sun_path holds 107 bytes; the sockets' own names need some of them.
constexpr size_t kLongestRuntimeDir = 80;

bool is_installation(const std::string& prefix) {
  return !prefix.empty() && ::access((prefix + "/share/twsync/installed-files").c_str(), R_OK) == 0;
}

std::string environment_directory(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && value[0] == '/' ? value : "";
}

}  // namespace

std::string executable_directory() {
  char buffer[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", buffer, sizeof buffer);
  if (length <= 0 || length == static_cast<ssize_t>(sizeof buffer)) return {};
  const std::string path(buffer, static_cast<size_t>(length));
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string installation_prefix() {
  const std::string bin = executable_directory();
  const size_t slash = bin.rfind('/');
  const std::string own = slash == std::string::npos ? "" : bin.substr(0, slash);
  if (is_installation(own)) return own;
  return is_installation(TWSYNC_PREFIX) ? TWSYNC_PREFIX : "";
}

std::vector<std::string> installed_files(const std::string& prefix) {
  std::vector<std::string> out;
  std::ifstream in(prefix + "/share/twsync/installed-files");
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && is_valid_rel_path(line)) out.push_back(line);
  }
  return out;
}

std::string default_state_dir() {
  // A unit with a directory of its own: the broker's, where it is not root.
  if (const std::string own = environment_directory("STATE_DIRECTORY"); !own.empty()) return own;
  if (::geteuid() == 0) return "/var/lib/twsync";
  const std::string state_home = environment_directory("XDG_STATE_HOME");
  if (!state_home.empty()) return state_home + "/twsync";
  const std::string home = environment_directory("HOME");
  return home.empty() ? "" : home + "/.local/state/twsync";
}

std::string runtime_dir_for(const std::string& state_dir, bool chosen) {
  const std::string user_runtime = environment_directory("XDG_RUNTIME_DIR");
  const std::string shared = ::geteuid() == 0 ? "/run/twsync" : user_runtime.empty() ? "" : user_runtime + "/twsync";
  const std::string own = state_dir + "/run";
  if (const std::string given = environment_directory("RUNTIME_DIRECTORY"); !chosen && !given.empty()) return given;
  // A member of the group `twsync` reaches the service that root runs.
  if (!chosen && ::geteuid() != 0 && ::access("/run/twsync/front.sock", R_OK | W_OK) == 0) return "/run/twsync";
  if (!chosen) return shared.empty() ? own : shared;
  if (own.size() <= kLongestRuntimeDir || shared.empty()) return own;
  return str(shared, "/", stable_hash64(state_dir));
}

std::string absolute_path(std::string_view path) {
  std::string full(path);
  if (path.empty() || path[0] != '/') {
    char buffer[PATH_MAX];
    if (::getcwd(buffer, sizeof buffer) != nullptr) full = str(buffer, "/", path);
  }
  std::vector<std::string_view> names;
  for (size_t start = 0; start <= full.size();) {
    const size_t end = std::min(full.find('/', start), full.size());
    const std::string_view name = std::string_view(full).substr(start, end - start);
    if (name == "..") {
      if (!names.empty()) names.pop_back();
    } else if (!name.empty() && name != ".") {
      names.push_back(name);
    }
    start = end + 1;
  }
  std::string out;
  for (const auto name : names) out += str("/", name);
  return out.empty() ? "/" : out;
}

bool relative_to(std::string_view path, std::string_view ancestor, std::string& out) {
  if (path == ancestor) {
    out.clear();
    return true;
  }
  const std::string prefix = ancestor == "/" ? "/" : str(ancestor, "/");
  if (path.substr(0, prefix.size()) != prefix) return false;
  out = path.substr(prefix.size());
  return true;
}

std::vector<std::string> never_synced(const std::string& root, const std::string& prefix, const std::string& state_dir,
                                      const std::vector<std::string>& secrets) {
  std::vector<std::string> out;
  const auto add = [&](const std::string& path) {
    std::string relative;
    if (!path.empty() && relative_to(absolute_path(path), root, relative) && !relative.empty()) out.push_back(relative);
  };
  if (!prefix.empty()) {
    add(prefix + "/logs");
    add(prefix + "/scripts/config");
    for (const auto& file : installed_files(prefix)) add(str(prefix, "/", file));
    add(prefix + "/share/twsync");
  }
  add(state_dir);
  // Of this user as somebody's deploy server: agents, and keys to code servers.
  const std::string home = environment_directory("HOME");
  for (const char* own : {"/.local/share/twsync", "/.local/state/twsync"}) {
    if (!home.empty()) add(home + own);
  }
  for (const auto& secret : secrets) add(secret);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace twsync
