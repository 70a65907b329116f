#pragma once
// Blocks of the content stream: the only user of zstd.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace twsync {

constexpr size_t kBlockHead = 8;  ///< bytes

/// Compresses what pays: after blocks that did not shrink, the next ones go raw without a try.
class BlockEncoder {
 public:
  explicit BlockEncoder(int level = 1);
  ~BlockEncoder();
  /// REQUIRES: 1 to kMaxRawBlock bytes. `compress` = false: raw in any case.
  std::string encode(std::string_view raw, bool compress = true);
  /// The same of what stands in `block` behind kBlockHead bytes of any value; raw, it goes as it is.
  std::string encode_in_place(std::string block, bool compress);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
  int level_;
  unsigned skip_ = 0;       // blocks left that are not tried
  unsigned next_skip_ = 1;  // doubles with every try that did not pay
};

class BlockDecoder {
 public:
  BlockDecoder();
  ~BlockDecoder();
  /// The raw bytes, valid until the next call and as long as `block`. peer_violation when it is not a block.
  Result<std::string_view> decode(std::string_view block);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace twsync
