#include "workers/places/places.h"

#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>
#include <string_view>

#include "common/app/installation.h"
#include "common/base/text.h"
#include "common/ssh/ssh_session.h"

namespace twsync {

namespace {

constexpr int kMostLinks = 64;  // the kernel follows 40

bool in_any(const std::string& path, const std::vector<std::string_view>& places, bool whole) {
  std::string below;
  for (const auto place : places) {
    // A root that holds such a place has work in there as well.
    if (relative_to(path, place, below) || (whole && relative_to(place, path, below))) return true;
  }
  return false;
}

void add(Places& out, const Places& more) {
  out.system |= more.system;
  out.home |= more.home;
  out.tmp |= more.tmp;
}

Places of_text(const std::string& path, bool whole) {
  return {in_any(path, {"/usr", "/boot", "/efi", "/etc"}, whole), in_any(path, {"/home", "/root", "/run/user"}, whole),
          in_any(path, {"/tmp", "/var/tmp"}, whole)};
}

/// The names in `path`, the first one last.
void push_names(std::vector<std::string>& names, std::string_view path) {
  for (size_t end = path.size(); end > 0;) {
    const size_t slash = path.rfind('/', end - 1);
    const size_t start = slash == std::string_view::npos ? 0 : slash + 1;
    if (end > start) names.emplace_back(path.substr(start, end - start));
    end = slash == std::string_view::npos ? 0 : slash;
  }
}

}  // namespace

Places places_of(const std::string& path) {
  const std::string as_written = absolute_path(path);
  Places out = of_text(as_written, true);
  std::vector<std::string> names;
  push_names(names, as_written);
  std::string here;
  for (int links = 0; !names.empty();) {
    const std::string name = std::move(names.back());
    names.pop_back();
    if (name == "." || name == "..") {
      if (name == "..") here.resize(here.empty() ? 0 : here.rfind('/'));
      continue;
    }
    const std::string next = str(here, "/", name);
    add(out, of_text(next, false));
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlink(next.c_str(), target.data(), target.size());
    if (size <= 0) {
      here = next;
      continue;
    }
    if (++links > kMostLinks) return kEverywhere;
    push_names(names, std::string_view(target.data(), static_cast<size_t>(size)));
    if (target[0] == '/') here.clear();
  }
  add(out, of_text(here.empty() ? "/" : here, true));
  return out;
}

Places places_of(const Config& config) {
  std::vector<std::string> paths{config.state_dir, config.log_dir, config.key_dir, config.known_hosts,
                                 config.runtime_dir};
  for (const auto& pair : config.pairs) {
    paths.insert(paths.end(), {pair.code_path, pair.known_hosts, pair.state_dir});
    if (pair.deploy.local) paths.push_back(pair.deploy.path);
    if (!pair.ssh_key.empty()) paths.push_back(pair.ssh_key);
    // A key that is not there yet may come as one of the default ones.
    if (pair.ssh_key.empty() || ::access(pair.ssh_key.c_str(), F_OK) != 0) {
      for (const auto& key : default_key_files()) paths.push_back(key);
    }
  }
  for (const auto& key : default_key_files()) {
    if (::access(key.c_str(), F_OK) == 0) paths.push_back(key);
  }
  if (const char* agent = std::getenv("SSH_AUTH_SOCK"); agent != nullptr && *agent != '\0') paths.emplace_back(agent);
  Places out;
  for (const auto& path : paths) add(out, places_of(path));
  // These are read, which ProtectSystem= allows.
  for (const auto& path : {config.file, executable_directory()}) {
    Places read = path.empty() ? Places{} : places_of(path);
    read.system = false;
    add(out, read);
  }
  return out;
}

std::string lifting_drop_in(const Places& open) {
  if (open == Places{}) return "";
  return str("# Made by twsync-places from the configuration: what lies there is to be synced, or is a key for it.\n",
             "[Service]\n", open.system ? "ProtectSystem=no\n" : "", open.home ? "ProtectHome=no\n" : "",
             open.tmp ? "PrivateTmp=no\n" : "");
}

}  // namespace twsync
