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
    raw_.reserve(kMaxRawBlock);
  }

  struct Mark {
    uint64_t block;
    size_t size;
  };
  Mark mark() const { return {block_, raw_.size()}; }
  /// Takes back what was put since `mark`; false when some of it is gone already.
  bool take_back(const Mark& mark) {
    if (mark.block != block_) return false;
    raw_.resize(mark.size);
    return true;
  }

  Status put(const std::string& record) {
    if (raw_.size() + record.size() > kMaxRawBlock) SYNC_TRY(flush());
    raw_ += record;
    return {};
  }

  Status put_data(std::string_view bytes) {
    while (!bytes.empty()) {
      const size_t room = kMaxRawBlock - raw_.size();
      if (room < kRecordHead + std::min(bytes.size(), kWorthFilling)) {
        SYNC_TRY(flush());
        continue;
      }
      const std::string_view piece = bytes.substr(0, room - kRecordHead);
      raw_ += encode_data_head(piece.size());
      raw_ += piece;
      bytes.remove_prefix(piece.size());
    }
    return {};
  }

  Status flush() {
    if (raw_.empty()) return {};
    std::string block = encoder_.encode(raw_, compression_.compress());
    const size_t raw_size = raw_.size();
    raw_.clear();
    ++block_;
    Status status = emit_(std::move(block));
    const int64_t now_ns = clock_.steady_ns();
    compression_.sent(raw_size, now_ns - last_ns_);
    last_ns_ = now_ns;
    return status;
  }

 private:
  static constexpr size_t kWorthFilling = 4096;  // room below which a longer piece starts a new block

  const Sender::Emit& emit_;
  BlockEncoder& encoder_;
  CompressionChoice& compression_;
  SystemClock clock_;
  int64_t last_ns_;
  std::string raw_;
  uint64_t block_ = 0;
};

}  // namespace twsync
