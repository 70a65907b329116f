#include "producers/cli/kept_versions.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "common/base/text.h"
#include "common/fs/state_dir.h"
#include "common/fs/version_store.h"
#include "producers/cli/base_facts.h"
#include "producers/cli/pair_sides.h"
#include "workers/agent/history.h"

namespace twsync {

namespace {

/// The code root's version store, without the lock.
struct CodeVersions {
  SystemClock clock;
  std::unique_ptr<RootDir> root;
  std::optional<StateDir> state;
  std::unique_ptr<VersionStore> store;
};

/// nullptr when there is none.
Result<std::unique_ptr<CodeVersions>> open_code_versions(const PairConfig& pair) {
  SYNC_ASSIGN(auto base, open_base(pair));
  if (!base) return std::unique_ptr<CodeVersions>();
  SYNC_ASSIGN(const auto meta, (*base)->meta());
  struct stat info {};
  if (meta.pair_id.empty() || ::lstat(str(pair.code_path, "/.twsync/", meta.pair_id).c_str(), &info) != 0)
    return std::unique_ptr<CodeVersions>();
  auto out = std::make_unique<CodeVersions>();
  SYNC_ASSIGN(out->root, RootDir::open(pair.code_path));
  SYNC_ASSIGN(auto state, StateDir::open(*out->root, meta.pair_id));
  out->state.emplace(std::move(state));
  SYNC_ASSIGN(out->store, VersionStore::open(out->state->versions(), out->clock));
  return out;
}

VersionInfo info_of(VersionRecord&& record) {
  VersionInfo out;
  out.id = std::move(record.id);
  out.path = std::move(record.path);
  out.cause = record.cause;
  out.stored_ns = record.time_ns;
  out.entry = std::move(record.entry);
  return out;
}

Status copy_bytes(int from, int to, const std::string& file) {
  for (;;) {
    const ssize_t copied = ::copy_file_range(from, nullptr, to, nullptr, size_t{1} << 30U, 0);
    if (copied == 0) break;
    if (copied > 0 || errno == EINTR) continue;
    if (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
      return error_from_errno(errno, "cannot write the copy", file);
    char buffer[65536];
    const ssize_t got = ::read(from, buffer, sizeof buffer);
    if (got < 0 && errno != EINTR) return error_from_errno(errno, "cannot read the version");
    if (got == 0) break;
    for (ssize_t done = 0; done < got;) {
      const ssize_t wrote = ::write(to, buffer + done, static_cast<size_t>(got - done));
      if (wrote < 0 && errno != EINTR) return error_from_errno(errno, "cannot write the copy", file);
      done += std::max<ssize_t>(wrote, 0);
    }
  }
  if (::fsync(to) != 0) return error_from_errno(errno, "cannot write the copy", file);
  return {};
}

}  // namespace

Result<std::vector<VersionInfo>> kept_versions(const CliContext& context, const PairConfig& pair, Side side,
                                               const std::string& path) {
  std::vector<VersionInfo> out;
  if (side == Side::code) {
    SYNC_ASSIGN(const auto versions, open_code_versions(pair));
    if (!versions) return out;
    SYNC_ASSIGN(auto records, versions->store->list(path));
    for (auto record = records.rbegin(); record != records.rend(); ++record) out.push_back(info_of(std::move(*record)));
    return out;
  }
  SYNC_ASSIGN(auto base, open_base(pair));
  if (!base) return out;
  SYNC_ASSIGN(const BaseMeta meta, pair_facts(pair));
  SYNC_ASSIGN(const auto remote, open_deploy_side(context, pair, meta));
  SYNC_ASSIGN(auto reply, remote->versions({path, 1000}));
  if (reply.error.code != ErrorCode::ok) return std::move(reply.error);
  return std::move(reply.versions);
}

Status copy_version(const PairConfig& pair, const std::string& version, const std::string& file) {
  SYNC_ASSIGN(const auto versions, open_code_versions(pair));
  if (!versions) return Error{ErrorCode::usage, "no versions are kept on the code side", {}, 0};
  SYNC_ASSIGN(const UniqueFd source, versions->store->open_source(version));
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return error_from_errno(errno, "cannot make the copy", file);
  auto status = copy_bytes(source.get(), fd, file);
  ::close(fd);
  if (!status.ok()) ::unlink(file.c_str());
  return status;
}

Status restore_version(const CliContext& context, const PairConfig& pair, Side side, const std::string& version,
                       const std::string& path) {
  SYNC_ASSIGN(const BaseMeta meta, pair_facts(pair));
  if (side == Side::deploy) {
    SYNC_ASSIGN(const auto remote, open_deploy_side(context, pair, meta));
    SYNC_ASSIGN(auto reply, remote->restore({version, path}));
    if (reply.error.code != ErrorCode::ok) return std::move(reply.error);
    return {};
  }
  SystemClock clock;
  SystemHostFacts host;
  SYNC_ASSIGN(const auto local, open_code_side(pair, meta, clock, host));
  SYNC_ASSIGN(const auto history, History::open(code_root_options(pair, meta), *local, clock));
  SYNC_ASSIGN(auto reply, history->restore({version, path}));
  if (reply.error.code != ErrorCode::ok) return std::move(reply.error);
  return {};
}

}  // namespace twsync
