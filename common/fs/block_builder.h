#pragma once
// Records of the content stream, packed into blocks (common/wire/PROTOCOL_CONTENT.md).

#include <algorithm>
#include <string>
#include <string_view>

#include "common/base/clock.h"
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
  Mark mark() const { return {number_, block_.size()}; }
  /// Takes back what was put since `mark`; false when some of it is gone already.
  bool take_back(const Mark& mark) {
    if (mark.block != number_) return false;
    block_.resize(mark.size);
    return true;
  }

  Status put(const std::string& record) {
    if (block_.size() + record.size() > kMost) SYNC_TRY(flush());
    block_ += record;
    return {};
  }

  Status put_data(std::string_view bytes) {
    while (!bytes.empty()) {
      const size_t room = kMost - block_.size();
      if (room < kRecordHead + std::min(bytes.size(), kWorthFilling)) {
        SYNC_TRY(flush());
        continue;
      }
      const std::string_view piece = bytes.substr(0, room - kRecordHead);
      block_ += encode_data_head(piece.size());
      block_ += piece;
      bytes.remove_prefix(piece.size());
    }
    return {};
  }

  Status flush() {
    if (block_.size() == kBlockHead) return {};
    const size_t raw_size = block_.size() - kBlockHead;
    // A short one takes no more memory than it needs while it waits to be sent.
    std::string full = block_.size() < kMost / 2 ? std::string(block_) : std::move(block_);
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
    block_.clear();
    block_.reserve(kMost);
    block_.append(kBlockHead, '\0');
  }

  static constexpr size_t kMost = kBlockHead + kMaxRawBlock;
  static constexpr size_t kWorthFilling = 4096;  // room below which a longer piece starts a new block

  const Sender::Emit& emit_;
  BlockEncoder& encoder_;
  CompressionChoice& compression_;
  SystemClock clock_;
  int64_t last_ns_;
  std::string block_;  // its head is written when it is full
  uint64_t number_ = 0;
};

}  // namespace twsync
