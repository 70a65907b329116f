#pragma once
// Records of the content stream, packed into blocks (common/wire/PROTOCOL_CONTENT.md).

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/spare_blocks.h"
#include "common/fs/applier.h"
#include "common/fs/block_codec.h"
#include "common/fs/compression_choice.h"
#include "common/fs/content_format.h"

namespace twsync {

/// Hands full blocks on, as the encoder makes them. One thread; everything is borrowed. Its errors are those of `emit`.
class BlockBuilder {
 public:
  BlockBuilder(const Sender::Emit& emit, BlockEncoder& encoder, CompressionChoice& compression)
      : emit_(emit), encoder_(encoder), compression_(compression), last_ns_(clock_.steady_ns()) {
    begin();
  }

  struct Mark {
    uint64_t block;
    size_t size;
  };
  Mark mark() const { return {number_, used_}; }
  /// Takes back what was put since `mark`; false when some of it is gone already.
  bool take_back(const Mark& mark) {
    if (mark.block != number_) return false;
    used_ = mark.size;
    return true;
  }

  Status put(const std::string& record) {
    SYNC_CHECK(record.size() <= kMaxRawBlock, "a content record that is larger than a block");
    if (used_ + record.size() > kMost) SYNC_TRY(flush());
    append(record);
    return {};
  }

  Status put_data(std::string_view bytes) {
    while (!bytes.empty()) {
      const size_t room = kMost - used_;
      if (room < kRecordHead + std::min(bytes.size(), kWorthFilling)) {
        SYNC_TRY(flush());
        continue;
      }
      const std::string_view piece = bytes.substr(0, room - kRecordHead);
      append(encode_data_head(piece.size()));
      append(piece);
      bytes.remove_prefix(piece.size());
    }
    return {};
  }

  /// Where `size` bytes of content (at most kInPlace, not 0) may be read to, for put_placed(); nothing else in between.
  Result<char*> place(size_t size) {
    if (kMost - used_ < kRecordHead + size) SYNC_TRY(flush());
    return block_.data() + used_ + kRecordHead;
  }
  /// What was read to that place, all of it or less.
  void put_placed(size_t size) {
    append(encode_data_head(size));
    used_ += size;
  }
  static constexpr size_t kInPlace = 64U << 10U;

  Status flush() {
    if (used_ == kBlockHead) return {};
    const size_t raw_size = used_ - kBlockHead;
    // A short one takes no more memory than it needs while it waits to be sent.
    std::string full = used_ < kMost / 2 ? block_.substr(0, used_) : std::move(block_);
    full.resize(used_);
    std::string block = encoder_.encode_in_place(std::move(full), compression_.compress());
    begin();
    ++number_;
    Status status = emit_(std::move(block));
    const int64_t now_ns = clock_.steady_ns();
    compression_.sent(raw_size, now_ns - last_ns_);
    last_ns_ = now_ns;
    return status;
  }

 private:
  void begin() {
    if (block_.size() < kMost) block_ = SpareBlocks::shared().take(kMost);
    used_ = kBlockHead;
  }
  void append(std::string_view bytes) {
    std::memcpy(block_.data() + used_, bytes.data(), bytes.size());
    used_ += bytes.size();
  }

  static constexpr size_t kMost = kBlockHead + kMaxRawBlock;
  static constexpr size_t kWorthFilling = 4096;  // room below which a longer piece starts a new block

  const Sender::Emit& emit_;
  BlockEncoder& encoder_;
  CompressionChoice& compression_;
  SystemClock clock_;
  int64_t last_ns_;
  std::string block_;  // of kMost bytes; its head is written when it is full
  size_t used_ = 0;
  uint64_t number_ = 0;
};

}  // namespace twsync
