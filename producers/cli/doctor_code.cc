// twsync doctor: the code side's root and its base.

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/fs/host_facts.h"
#include "common/fs/local_side.h"
#include "common/fs/state_dir.h"
#include "common/ssh/authorized_keys.h"
#include "producers/cli/base_facts.h"
#include "producers/cli/doctor.h"
#include "producers/cli/pair_sides.h"

namespace twsync {

namespace {

constexpr uint64_t kLittleSpace = uint64_t{1} << 30U;
constexpr uint64_t kFewInodes = 10'000;
constexpr size_t kManyConflicts = 10'000;
constexpr int64_t kMinute = 60 * kSecond;

void check_root(const PairConfig& pair, Examination& exam) {
  const std::string root = shell_word(pair.code_path);
  if (::access(pair.code_path.c_str(), R_OK | W_OK | X_OK) != 0) {
    exam.bad("code-rights", "this user cannot read and write the root", str("chown ", ::geteuid(), " ", root));
  } else {
    exam.good("code-rights", "readable and writable");
  }
  struct statvfs info {};
  if (::statvfs(pair.code_path.c_str(), &info) != 0) return;
  const uint64_t free_bytes = info.f_bavail * info.f_frsize;
  const bool few = info.f_files > 0 && info.f_favail < kFewInodes;
  const std::string text = str(human_bytes(free_bytes), " and ", info.f_favail, " inodes free");
  if (free_bytes < kLittleSpace || few) {
    exam.warn("code-space", str(text, ": what is written and kept needs room"),
              str("du -xsh ", root, "/.twsync  # VERSIONS_KEEP_BYTES bounds it"));
  } else {
    exam.good("code-space", text);
  }
}

void check_setuid(const CliContext& context, const PairConfig& pair, Examination& exam) {
  if (!pair.preserve_setuid || (pair.preserve_owner != 0 && ::geteuid() == 0)) return;
  exam.warn("setuid", "PRESERVE_SETUID carries nothing: the owner of a file is not carried either",
            str("# PRESERVE_OWNER=auto in ", config_file_of(context.config, pair.name), ", and root on both servers"));
}

/// Of file systems that several hosts mount, only this host's own changes raise events.
bool is_shared(const std::string& file_system) {
  static constexpr std::string_view kShared[] = {"nfs", "cifs", "smb2", "smb", "fuse", "9p", "ceph"};
  return std::any_of(std::begin(kShared), std::end(kShared),
                     [&](std::string_view name) { return file_system.starts_with(name); });
}

void check_file_system(const PairConfig& pair, Examination& exam) {
  SystemClock clock;
  SystemHostFacts host;
  RootOptions options;
  options.root = pair.code_path;
  auto side = LocalSide::open(options, clock, host);
  auto facts = side ? (*side)->facts() : Result<SideFacts>(side.error());
  if (!facts) return exam.bad("code-file-system", describe(facts.error()), "# mend what it names");
  if (is_shared(facts->file_system)) {
    exam.warn("code-file-system", str(facts->file_system, ": edits that other hosts make raise no events"),
              "# keep the cron entry: its rescans find them");
  } else if (!facts->rename_exchange) {
    exam.warn("code-file-system",
              str(facts->file_system,
                  " has no atomic exchange: what a program puts in place right while it is replaced can be lost"),
              "# move the root to ext4, xfs or btrfs");
  } else {
    exam.good("code-file-system", facts->file_system);
  }
}

/// What the last cycles left for a person.
void check_open(const PairConfig& pair, BaseStore& base, const BaseMeta& meta, Examination& exam) {
  const auto parked = base.parked();
  const auto conflicts = base.conflicts(kManyConflicts);
  auto open = parked ? static_cast<int64_t>(parked->size()) : 0;
  if (conflicts)
    open += std::count_if(conflicts->begin(), conflicts->end(), [](const ConflictRecord& one) { return one.open; });
  if (open > 0) {
    exam.warn("parked", str(open, open == 1 ? " item waits" : " items wait", " for a decision"),
              str("twsync conflicts ", pair.name));
  } else {
    exam.good("parked", "nothing waits for a decision");
  }
  SystemClock clock;
  const int64_t age = clock.wall_ns() - meta.last_done_ns;
  const std::string text = meta.last_done_ns == 0 ? "never finished" : str("last ", human_duration(age), " ago");
  if (meta.last_done_ns == 0 || age > int64_t{pair.stale_minutes} * kMinute) {
    exam.warn("last-sync", text, str("twsync sync ", pair.name));
  } else {
    exam.good("last-sync", text);
  }
}

/// What a sync would stop at (decide_identity()); "" = nothing.
std::string marker_trouble(const PairConfig& pair, const BaseMeta& meta) {
  const std::string file = str(pair.code_path, "/.twsync/", meta.pair_id, "/marker");
  const auto root = RootDir::open(pair.code_path);
  if (!root) return describe(root.error());
  const auto markers = read_markers(**root);
  const auto ours = std::find_if(markers.begin(), markers.end(),
                                 [&](const Marker& marker) { return marker.pair_id == meta.pair_id; });
  if (ours == markers.end()) return file + " is not there: the root is not mounted, or another directory";
  if (ours->role != Side::code) return file + " says that this is the pair's other side: the two roots are swapped";
  if (ours->epoch < meta.epoch) return file + " is older than the base: the root was rolled back";
  return {};
}

void check_marker(const PairConfig& pair, const BaseMeta& meta, Examination& exam) {
  const bool to_be_there = !meta.pair_id.empty() && meta.completed > 0;
  const std::string trouble = to_be_there ? marker_trouble(pair, meta) : "";
  if (trouble.empty()) return exam.good("marker", "the root is the pair's");
  exam.bad(
      "marker", trouble,
      str("mount -a  # if the root is right as it is: twsync sync ", pair.name, ", then twsync approve what it parks"));
}

void check_base(const PairConfig& pair, Examination& exam) {
  auto base = open_base(pair);
  if (!base) {
    exam.bad("base", describe(base.error()), str("twsync sync ", pair.name, "  # a damaged base is set aside"));
  } else if (!*base) {
    exam.warn("base", "this pair was never synced", str("twsync sync ", pair.name));
  } else if (const auto meta = (**base)->meta(); !meta) {
    exam.bad("base", describe(meta.error()), str("twsync sync ", pair.name, "  # a damaged base is set aside"));
  } else {
    exam.good("base", pair.state_dir + "/base.db");
    check_marker(pair, *meta, exam);
    check_open(pair, ***base, *meta, exam);
  }
}

}  // namespace

void check_code_side(const CliContext& context, const PairConfig& pair, Examination& exam) {
  check_root(pair, exam);
  check_setuid(context, pair, exam);
  check_file_system(pair, exam);
  check_base(pair, exam);
}

}  // namespace twsync
