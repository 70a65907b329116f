#pragma once
// One file's content as records.

#include <optional>
#include <string_view>
#include <utility>

#include "common/fs/block_builder.h"
#include "common/fs/chunker.h"
#include "common/fs/delta.h"

namespace twsync {

constexpr uint64_t kCopyAtOnce = 8U << 20U;  ///< the other server begins to copy when so much is known to be there

/// A large file goes by chunks: those that the old version has, or that came before a cut, are named, not sent. One
/// thread; everything is borrowed.
class ContentRecords {
 public:
  ContentRecords(BlockBuilder& blocks, Chunker& chunker, OldChunks* old, const ArrivedChunks* arrived)
      : blocks_(blocks), chunker_(chunker), old_(old), arrived_(arrived) {}

  void begin(uint64_t size) {
    chunked_ = size >= kChunkedFrom;
    if (!chunked_) return;
    if (old_ == nullptr) return chunker_.begin(chunk_average(size));
    old_->rewind();
    chunker_.begin(old_->average(), [this] { return old_->next(); });
  }
  Status data(std::string_view bytes) { return chunked_ ? chunker_.feed(bytes, sink_) : blocks_.put_data(bytes); }
  Status hole(uint64_t zeros) {
    if (chunked_) SYNC_TRY(chunker_.skip(zeros, sink_));
    SYNC_TRY(put_runs());
    return blocks_.put(encode_hole(zeros));
  }
  Status end() {
    if (chunked_) SYNC_TRY(chunker_.end(sink_));
    return put_runs();
  }

 private:
  static constexpr uint64_t kNowhere = UINT64_MAX;

  Status put_chunk(const Chunk& chunk, std::string_view bytes) {
    const uint64_t there = old_ != nullptr ? old_->find(chunk).value_or(kNowhere) : kNowhere;
    if (arrived_ != nullptr && arrived_->has(chunk)) return put_arrived(chunk.size);
    if (there == kNowhere) {
      SYNC_TRY(put_runs());
      return blocks_.put_data(bytes);
    }
    if (run_arrived_ != 0 || !copy_.extend(there, chunk.size)) {
      SYNC_TRY(put_runs());
      copy_.extend(there, chunk.size);
    }
    return copy_.size < kCopyAtOnce ? Status{} : put_runs_now();
  }
  Status put_arrived(uint64_t size) {
    if (copy_.size != 0) SYNC_TRY(put_runs());
    run_arrived_ += size;
    return run_arrived_ < kCopyAtOnce ? Status{} : put_runs_now();
  }
  // The other server copies while this one goes on reading.
  Status put_runs_now() {
    SYNC_TRY(put_runs());
    return blocks_.flush();
  }
  Status put_runs() {
    if (const uint64_t size = std::exchange(run_arrived_, 0); size != 0) return blocks_.put(encode_arrived(size));
    if (copy_.size == 0) return {};
    const CopyRun run = std::exchange(copy_, {});
    return blocks_.put(encode_copy({run.offset, run.size}));
  }

  BlockBuilder& blocks_;
  Chunker& chunker_;
  OldChunks* const old_;
  const ArrivedChunks* const arrived_;
  const Chunker::Sink sink_ = [this](const Chunk& chunk, std::string_view bytes) { return put_chunk(chunk, bytes); };
  bool chunked_ = false;
  // What the other server has at hand: at most one of the two is under way.
  CopyRun copy_;
  uint64_t run_arrived_ = 0;
};

}  // namespace twsync
