#pragma once
// Memory of blocks of content that were consumed, for those to come.

#include <mutex>
#include <string>
#include <vector>

namespace twsync {

/// A block that comes fresh from the allocator is mapped page by page and zeroed before it is overwritten, which in a
/// first sync is as much work as hashing it. Any thread. return_free_memory() empties it.
class SpareBlocks {
 public:
  static constexpr size_t kLeast = 64U << 10U;  ///< bytes of a block that is worth keeping

  /// The one of this process.
  static SpareBlocks& shared();

  /// `size` bytes of any content.
  std::string take(size_t size);
  /// What is too small, or one too many, is freed.
  void give(std::string&& block);
  void clear();

 private:
  std::mutex mutex_;
  std::vector<std::string> spare_;
};

}  // namespace twsync
