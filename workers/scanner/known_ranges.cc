#include "workers/scanner/known_ranges.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "common/base/rel_path.h"
#include "common/fs/file_io.h"
#include "common/fs/unique_fd.h"
#include "common/wire/model_codec.h"

namespace twsync {

namespace {

constexpr size_t kMaxFile = 64U << 20U;

std::string check_of(const HashKey& key, std::string_view body) {
  std::string check;
  append_known(check, Hasher(key).hash(body));
  return check;
}

}  // namespace

KnownRanges load_ranges(const std::string& file, const HashKey& key) {
  const auto bytes = read_file_at(AT_FDCWD, file.c_str(), kMaxFile);
  if (!bytes || bytes->size() < kKnownRangeBytes) return {};
  const std::string_view body = std::string_view(*bytes).substr(kKnownRangeBytes);
  if (bytes->compare(0, kKnownRangeBytes, check_of(key, body)) != 0) return {};
  auto ranges = decode<KnownRanges>(body);
  return ranges ? std::move(*ranges) : KnownRanges{};
}

Status store_ranges(const std::string& file, const HashKey& key, const KnownRanges& ranges) {
  const std::string body = encode(ranges);
  const std::string bytes = check_of(key, body) + body;
  const std::string fresh = file + ".new";
  const UniqueFd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return error_from_errno(errno, "cannot store what is known of the listing", fresh);
  Status stored = write_all(fd.get(), bytes);
  if (stored.ok() && ::rename(fresh.c_str(), file.c_str()) != 0)
    stored = error_from_errno(errno, "cannot store what is known of the listing", file);
  if (!stored.ok()) (void)::unlink(fresh.c_str());
  return stored;
}

void drop_written(std::vector<KnownRange>& ranges, std::vector<std::string> written) {
  std::sort(written.begin(), written.end(), PathLess{});
  std::erase_if(ranges, [&written](const KnownRange& range) {
    const auto at = std::lower_bound(written.begin(), written.end(), range.first, PathLess{});
    return at != written.end() && compare_paths(*at, range.last) <= 0;
  });
}

}  // namespace twsync
