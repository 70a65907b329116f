#include "common/base/spare_blocks.h"

#include <utility>

namespace twsync {

namespace {

constexpr size_t kMost = 32;  // as many as an applier's queue holds

}  // namespace

SpareBlocks& SpareBlocks::shared() {
  static SpareBlocks blocks;
  return blocks;
}

std::string SpareBlocks::take(size_t size) {
  std::string block;
  {
    const std::lock_guard lock(mutex_);
    if (!spare_.empty()) {
      block = std::move(spare_.back());
      spare_.pop_back();
    }
  }
  if (block.capacity() < size) block.clear();  // what it holds isn't copied
  block.resize(size);
  return block;
}

void SpareBlocks::give(std::string&& block) {
  if (block.size() < kLeast) return;
  const std::lock_guard lock(mutex_);
  if (spare_.size() < kMost) spare_.push_back(std::move(block));
}

void SpareBlocks::clear() {
  std::vector<std::string> freed;
  const std::lock_guard lock(mutex_);
  freed.swap(spare_);
}

}  // namespace twsync
