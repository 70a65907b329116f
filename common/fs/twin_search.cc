#include "common/fs/twin_search.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "common/base/rel_path.h"
#include "common/fs/file_reader.h"
#include "common/fs/state_dir.h"

namespace twsync {

namespace {

constexpr size_t kBuffer = 256U << 10U;
constexpr size_t kSample = 4096;
constexpr uint64_t kSamples = 4;  // spread from the beginning to the end

bool same_sample(int a, int b, uint64_t offset) {
  std::array<char, kSample> left, right;
  const ssize_t got = ::pread(a, left.data(), kSample, static_cast<off_t>(offset));
  return got > 0 && ::pread(b, right.data(), kSample, static_cast<off_t>(offset)) == got &&
         std::equal(left.begin(), left.begin() + got, right.begin());
}

}  // namespace

bool TwinSearch::is_ruled_out(const std::string& path, int fd, const FileStat& stat) {
  if (path.empty() || !is_valid_rel_path(path) || is_state_path(path)) return true;
  const auto parent = root_.open_dir(parent_path(path), O_PATH);
  FileStat here;
  const auto twin = parent ? open_regular(parent->get(), std::string(base_name(path)).c_str(), here)
                           : Result<UniqueFd>(parent.error());
  // Gone or edited on this side alone, it may still be whole on the other.
  if (!twin || here.size != stat.size) return false;
  const uint64_t last = stat.size - std::min<uint64_t>(stat.size, kSample);
  for (uint64_t n = 0; n < kSamples; ++n) {
    if (!same_sample(fd, twin->get(), last / (kSamples - 1) * n)) return true;
  }
  return false;
}

void TwinSearch::begin(const Batch& batch) {
  in_batch_.clear();
  for (const Twin& twin : batch.twins)
    if (!twin.digest.known()) in_batch_.emplace(twin.path, Digest{});
}

void TwinSearch::sent(const std::string& path, const Digest& digest) {
  const auto found = in_batch_.find(path);
  if (found != in_batch_.end()) found->second = digest;
}

Digest TwinSearch::digest_of(const Twin& twin) const {
  if (twin.digest.known()) return twin.digest;
  const auto found = in_batch_.find(twin.path);
  return found != in_batch_.end() ? found->second : Digest{};
}

std::optional<FoundTwin> TwinSearch::find(const Batch& batch, uint32_t op, int fd, const FileStat& stat) {
  const auto likely = [&](const Twin& twin) {
    return twin.op == op && digest_of(twin).known() && !is_ruled_out(twin.path, fd, stat);
  };
  if (std::none_of(batch.twins.begin(), batch.twins.end(), likely)) return std::nullopt;
  FoundTwin found;
  settle_mapped(fd, stat);
  hasher_.reset();
  uint64_t offset = 0;
  const auto sink = [&](std::string_view bytes, uint64_t zeros) -> Status {
    zeros != 0 ? hash_zeros(hasher_, zeros) : hasher_.update(bytes);
    const uint64_t count = zeros != 0 ? zeros : bytes.size();
    if (found.extents.empty() || found.extents.back().hole != (zeros != 0))
      found.extents.push_back({offset, 0, zeros != 0});
    found.extents.back().size += count;
    offset += count;
    return {};
  };
  const auto buffer = std::make_unique_for_overwrite<char[]>(kBuffer);
  const auto got = read_content(fd, stat, sink, buffer.get(), kBuffer);
  FileStat after;
  if (!got || *got != stat.size || stat_fd(fd, after) != 0 || !after.same_moment(stat)) return std::nullopt;
  found.digest = hasher_.finish();
  const auto same = std::find_if(batch.twins.begin(), batch.twins.end(),
                                 [&](const Twin& twin) { return twin.op == op && digest_of(twin) == found.digest; });
  if (same == batch.twins.end()) return std::nullopt;
  found.number = static_cast<uint32_t>(same - batch.twins.begin()) + 1;
  return found;
}

}  // namespace twsync
