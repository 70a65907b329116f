#include "common/app/config.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "common/app/installation.h"
#include "common/app/shell_assignments.h"
#include "common/base/text.h"

namespace twsync {

namespace {

constexpr size_t kLargestConfig = 1U << 20U;

Error usage(std::string message, std::string path = {}) {
  return Error{ErrorCode::usage, std::move(message), std::move(path), 0};
}

Status apply_file(Settings& settings, const std::string& file) {
  SYNC_ASSIGN(const std::string text, read_trusted_file(file));
  SYNC_ASSIGN(const auto assignments, parse_assignments(text, file));
  for (const auto& assignment : assignments) {
    auto status = apply_setting(settings, assignment.name, assignment.value);
    if (!status) return usage(str(escape_bytes(file), ":", assignment.line, ": ", status.error().message));
  }
  return {};
}

void apply_overrides(Settings& settings, const Overrides& overrides) {
  if (overrides.policy) settings.conflict_resolution = *overrides.policy;
  if (overrides.ssh_port) settings.ssh_port = *overrides.ssh_port;
  settings.exclude.insert(settings.exclude.end(), overrides.exclude.begin(), overrides.exclude.end());
}

PairConfig configured_pair(const Config& config, const Settings& settings, const std::string& name);

Result<std::vector<std::string>> pair_files(const std::string& directory) {
  std::vector<std::string> out;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.size() > 3 && name[0] != '.' && name.ends_with(".sh")) out.push_back(it->path().string());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return error_from_errno(error.value(), "cannot read the directory of pairs", directory);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string pairs_directory(const Config& config) {
  return str(config.file.substr(0, config.file.rfind('/')), "/pairs.d");
}

Result<PairConfig> pair_in(const Config& config, const Settings& from_file, const Overrides& overrides,
                           const std::string& file, const std::string& name) {
  Settings settings = from_file;
  SYNC_TRY(apply_file(settings, file));
  apply_overrides(settings, overrides);
  return configured_pair(config, settings, name);
}

Status load_pairs(Config& config, const Settings& from_file, const Overrides& overrides) {
  config.pairs.push_back(configured_pair(config, config.settings, kMainPair));
  const std::string directory = pairs_directory(config);
  SYNC_ASSIGN(const auto files, pair_files(directory));
  for (const auto& file : files) {
    const std::string stem = std::filesystem::path(file).stem().string();
    const bool named = is_pair_name(stem) && stem != kMainPair;
    auto pair = named ? pair_in(config, from_file, overrides, file, stem)
                      : usage("a pair's file name is its name: letters, digits, '.', '_', '-', and not 'main'", file);
    if (pair) {
      config.pairs.push_back(std::move(pair).value());
    } else {
      config.misconfigured.push_back({escape_bytes(stem), file, pair.error()});
    }
  }
  return {};
}

void fill_from_settings(const Config& config, const Settings& settings, PairConfig& pair) {
  // Version-control state is a way to run code on the other server, and file-by-file sync corrupts it.
  pair.exclude = {".git", ".hg", ".svn", ".jj"};
  pair.exclude.insert(pair.exclude.end(), settings.exclude.begin(), settings.exclude.end());
  pair.together = settings.together;
  pair.state_dir = str(config.state_dir, "/pairs/", pair.name);
  pair.ssh_key = config.overrides.ssh_key.empty() ? settings.ssh_key : absolute_path(config.overrides.ssh_key);
  // Its own key; else the main pair's, which an older exchange made for all of them.
  for (const std::string& made : {made_key(config, pair.name), made_key(config, kMainPair)}) {
    if (pair.ssh_key.empty() && ::access(made.c_str(), R_OK) == 0) pair.ssh_key = made;
  }
  pair.known_hosts = config.known_hosts;
  pair.policy = settings.conflict_resolution;
  pair.delete_limits.percent = settings.delete_limit_percent;
  pair.delete_limits.count = settings.delete_limit_count;
  pair.versions_keep_days = settings.versions_keep_days;
  pair.versions_keep_bytes = settings.versions_keep_bytes;
  pair.preserve_owner = settings.preserve_owner;
  pair.preserve_xattrs = settings.preserve_xattrs;
  pair.preserve_setuid = settings.preserve_setuid;
  pair.preserve_hardlinks = settings.preserve_hardlinks;
  pair.bandwidth_limit = settings.bandwidth_limit;
  pair.transfer_workers = settings.transfer_workers;
  pair.stale_minutes = settings.stale_minutes;
  pair.watch = settings.watch;
  pair.post_sync_command = settings.post_sync_command;
  pair.on_conflict_command = settings.on_conflict_command;
}

PairConfig configured_pair(const Config& config, const Settings& settings, const std::string& name) {
  PairConfig pair;
  pair.name = name;
  pair.code_path = absolute_path(settings.code_path);
  pair.deploy.user = settings.ssh_user;
  pair.deploy.host = settings.deploy_server;
  pair.deploy.port = settings.ssh_port;
  pair.deploy.path = absolute_path(settings.deploy_path);
  fill_from_settings(config, settings, pair);
  return pair;
}

}  // namespace

void fill_pair(const Config& config, PairConfig& pair) {
  fill_from_settings(config, config.settings, pair);
}

const PairConfig* Config::find(std::string_view name) const {
  const auto found =
      std::find_if(pairs.begin(), pairs.end(), [&](const PairConfig& pair) { return pair.name == name; });
  return found == pairs.end() ? nullptr : &*found;
}

Error Config::why_not(std::string_view name) const {
  for (const auto& pair : misconfigured) {
    if (pair.name == name)
      return usage(str("the pair ", name, " is misconfigured: ", pair.error.message), pair.error.path);
  }
  return usage(str("no pair '", escape_bytes(name), "' is configured"));
}

Result<std::string> read_trusted_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return usage(error_from_errno(errno, "cannot read the configuration").message, path);
  struct stat info {};
  std::string text;
  Status status;
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    status = usage("the configuration is not a plain file", path);
  } else if (info.st_uid != 0 && info.st_uid != ::geteuid()) {
    status =
        usage(str("the configuration belongs to user ", info.st_uid, ", not to root or the user who runs this"), path);
  } else if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    status = usage("the configuration can be written by others: run 'chmod go-w' on it", path);
  }
  for (char buffer[16384]; status.ok();) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) status = error_from_errno(errno, "cannot read the configuration", path);
    if (got <= 0) break;
    text.append(buffer, static_cast<size_t>(got));
    if (text.size() > kLargestConfig) status = usage("the configuration is larger than 1 MiB", path);
  }
  ::close(fd);
  SYNC_TRY(std::move(status));
  return text;
}

// "NAME.key" with ".pub" or ".new" behind it is no other pair's, whatever pairs are called.
std::string made_key(const Config& config, std::string_view pair) {
  return pair == kMainPair ? config.key_dir + "/id_ed25519" : str(config.key_dir, "/", pair, ".key");
}

namespace {

// All but the pairs; `from_file` gets what each of them begins with.
Result<Config> load_main(const Overrides& overrides, Settings& from_file) {
  Config config;
  config.prefix = installation_prefix();
  const bool chosen = !overrides.state_dir.empty();
  config.state_dir = chosen ? absolute_path(overrides.state_dir) : default_state_dir();
  if (config.state_dir.empty()) return usage("no place for the state: HOME is not set; give --state-dir");
  config.runtime_dir = runtime_dir_for(config.state_dir, chosen);
  config.log_dir = config.prefix.empty() || chosen ? config.state_dir + "/logs" : config.prefix + "/logs";
  config.key_dir = config.state_dir + "/keys";
  config.known_hosts =
      overrides.known_hosts.empty() ? config.key_dir + "/known_hosts" : absolute_path(overrides.known_hosts);

  if (!overrides.config.empty()) {
    config.file = absolute_path(overrides.config);
  } else if (!config.prefix.empty()) {
    config.file = config.prefix + "/scripts/config/sync_config.sh";
    if (::access(config.file.c_str(), F_OK) != 0) config.file.clear();
  }
  if (!config.file.empty()) SYNC_TRY(apply_file(from_file, config.file));
  config.settings = from_file;
  apply_overrides(config.settings, overrides);
  config.overrides = overrides;
  config.log_level = config.settings.log_level;
  return config;
}

}  // namespace

Result<Config> load_config(const Overrides& overrides) {
  Settings from_file;
  SYNC_ASSIGN(Config config, load_main(overrides, from_file));
  if (!config.file.empty()) SYNC_TRY(load_pairs(config, from_file, overrides));
  return config;
}

Result<PairConfig> load_pair(const Overrides& overrides, const std::string& name) {
  Settings from_file;
  SYNC_ASSIGN(const Config config, load_main(overrides, from_file));
  const std::string file = str(pairs_directory(config), "/", name, ".sh");
  if (config.file.empty() || !is_pair_name(name) || (name != kMainPair && ::access(file.c_str(), F_OK) != 0))
    return usage(str("no pair '", escape_bytes(name), "' is configured"));
  if (name == kMainPair) return configured_pair(config, config.settings, name);
  return pair_in(config, from_file, overrides, file, name);
}

namespace {

Status make_directory_of(const std::string& path, uid_t other_owner) {
  std::error_code error;
  const auto parent = std::filesystem::path(path).parent_path();
  std::filesystem::create_directories(parent, error);
  if (error) return error_from_errno(error.value(), "cannot make the directory", parent.string());
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return error_from_errno(errno, "cannot make the directory", path);
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return error_from_errno(errno, "cannot look at the directory", path);
  if (!S_ISDIR(info.st_mode)) return usage("this is not a directory", path);
  if (info.st_uid != 0 && info.st_uid != ::geteuid() && info.st_uid != other_owner)
    return usage("this directory belongs to another user", path);
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return usage("this directory can be written by others: run 'chmod go-w' on it", path);
  return {};
}

uid_t broker_user() {
  std::vector<char> buffer(64U << 10U);
  passwd record{};
  passwd* found = nullptr;
  const int failed = ::getpwnam_r("twsync", &record, buffer.data(), buffer.size(), &found);
  return failed == 0 && found != nullptr ? found->pw_uid : 0;
}

}  // namespace

Status make_private_directory(const std::string& path) {
  return make_directory_of(path, ::geteuid());
}

Status make_runtime_directory(const std::string& path) {
  return make_directory_of(path, broker_user());
}

}  // namespace twsync
