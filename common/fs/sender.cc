#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "common/base/text.h"
#include "common/fs/applier.h"
#include "common/fs/block_codec.h"
#include "common/fs/chunk_store.h"
#include "common/fs/compression_choice.h"
#include "common/fs/content_format.h"
#include "common/fs/delta.h"
#include "common/fs/dir_handle.h"
#include "common/fs/entry_reader.h"
#include "common/fs/file_reader.h"
#include "common/fs/read_ahead.h"
#include "common/fs/state_dir.h"
#include "common/fs/twin_search.h"

namespace twsync {

namespace {

constexpr size_t kReadBuffer = 128U << 10U;
constexpr size_t kWorthFilling = 4096;  // room at the end of a block below which a longer piece starts a new one
constexpr int kTries = 4;
constexpr uint64_t kCopyAtOnce = 8U << 20U;

// A sparse file needs no more than it has.
uint64_t allocated(const FileStat& stat) {
  return std::min(stat.size, stat.blocks * 512);
}

Error no_room(const FileStat& stat) {
  return Error{ErrorCode::no_space,
               str(allocated(stat), " bytes do not fit there: free some room on that file system; it is tried again"),
               {},
               ENOSPC};
}

// Packs records into blocks and hands full ones on.
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
  const Sender::Emit& emit_;
  BlockEncoder& encoder_;
  CompressionChoice& compression_;
  SystemClock clock_;
  int64_t last_ns_;
  std::string raw_;
  uint64_t block_ = 0;
};

// One file's content as records. A large one goes by chunks: those that the old version has are named, not sent.
class ContentRecords {
 public:
  ContentRecords(BlockBuilder& blocks, Chunker& chunker, OldChunks* old)
      : blocks_(blocks), chunker_(chunker), old_(old) {}

  void begin(uint64_t size) {
    chunked_ = size >= kChunkedFrom;
    if (chunked_) chunker_.begin(old_ != nullptr ? old_->average() : chunk_average(size));
  }
  Status data(std::string_view bytes) { return chunked_ ? chunker_.feed(bytes, sink_) : blocks_.put_data(bytes); }
  Status hole(uint64_t zeros) {
    if (chunked_) SYNC_TRY(chunker_.skip(zeros, sink_));
    SYNC_TRY(put_copy());
    return blocks_.put(encode_hole(zeros));
  }
  Status end() {
    if (chunked_) SYNC_TRY(chunker_.end(sink_));
    return put_copy();
  }

 private:
  Status put_chunk(const Chunk& chunk, std::string_view bytes) {
    const auto there = old_ != nullptr ? old_->find(chunk) : std::nullopt;
    if (!there) {
      SYNC_TRY(put_copy());
      return blocks_.put_data(bytes);
    }
    if (!copy_.extend(*there, chunk.size)) {
      SYNC_TRY(put_copy());
      copy_.extend(*there, chunk.size);
    }
    if (copy_.size < kCopyAtOnce) return {};
    // The other server copies while this one goes on reading.
    SYNC_TRY(put_copy());
    return blocks_.flush();
  }
  Status put_copy() {
    if (copy_.size == 0) return {};
    const CopyRun run = std::exchange(copy_, {});
    return blocks_.put(encode_copy({run.offset, run.size}));
  }

  BlockBuilder& blocks_;
  Chunker& chunker_;
  OldChunks* const old_;
  const Chunker::Sink sink_ = [this](const Chunk& chunk, std::string_view bytes) { return put_chunk(chunk, bytes); };
  bool chunked_ = false;
  CopyRun copy_;
};

class RootSender final : public Sender {
 public:
  RootSender(const RootOptions& options, std::unique_ptr<RootDir> root, int chunks)
      : root_(std::move(root)),
        reader_({.owner = options.preserve_owner, .xattrs = options.preserve_xattrs}, owners_, root_->device()),
        hasher_(options.hash_key),
        chunker_(options.hash_key),
        chunk_store_(chunks),
        twins_(*root_, hasher_),
        buffer_(std::make_unique<char[]>(kReadBuffer)) {}

  Status send(const Batch& batch, const Emit& emit) override {
    SYNC_TRY(root_->check_in_place());
    BlockBuilder blocks(emit, encoder_, compression_);
    ReadAhead sources(*root_, batch);
    room_ = batch.room_bytes;
    while (auto source = sources.next()) SYNC_TRY(send_file(batch, *source, blocks));
    return blocks.flush();
  }

 private:
  Status send_file(const Batch& batch, const OpenedSource& source, BlockBuilder& blocks) {
    const Operation& op = *source.op;
    if (source.error) return blocks.put(encode_failed({op.id, *source.error}));
    const int fd = source.fd.get();
    FileStat stat = source.stat;
    if (allocated(stat) > room_) return blocks.put(encode_failed({op.id, no_room(stat)}));
    room_ -= allocated(stat);
    if (const auto twin = twins_.find(batch, op.id, fd, stat)) return send_twin(*twin, op, fd, stat, blocks);
    std::optional<OldChunks> old;
    if (stat.size >= kChunkedFrom && op.expected.is_file()) {
      if (auto kept = chunk_store_.take(op.expected.digest)) old.emplace(std::move(*kept));
    }
    for (int tries = 1; tries <= kTries; ++tries) {
      const bool last = tries == kTries;
      if (!last) settle(stat);
      const BlockBuilder::Mark start = blocks.mark();
      std::optional<Error> broken;
      bool whole = false;
      ContentRecords records(blocks, chunker_, old ? &*old : nullptr);
      SYNC_TRY(stream(op, fd, stat, blocks, records, whole, broken));
      FileStat after;
      const int err = stat_fd(fd, after);
      const Digest digest = hasher_.finish();
      if (whole && err == 0 && (last ? only_grew(fd, stat, digest) : after.same_moment(stat))) {
        if (stat.size >= kChunkedFrom) chunk_store_.put(digest, chunker_.take_list());
        return blocks.put(encode_end(digest));
      }
      if (!blocks.take_back(start)) SYNC_TRY(blocks.put(encode_abort()));
      if (broken) return blocks.put(encode_failed({op.id, *broken}));
      if (err != 0) return blocks.put(encode_failed({op.id, error_from_errno(err, "cannot look at the file")}));
      stat = after;
    }
    return blocks.put(
        encode_failed({op.id, Error{ErrorCode::stale, "the file keeps changing; it will be tried again", {}, 0}}));
  }

  Status send_twin(const FoundTwin& twin, const Operation& op, int fd, const FileStat& stat, BlockBuilder& blocks) {
    auto begin = begin_of(op, fd, stat);
    if (!begin) return blocks.put(encode_failed({op.id, begin.error()}));
    begin->twin = twin.number;
    SYNC_TRY(blocks.put(encode_begin(*begin)));
    for (const FoundTwin::Extent& extent : twin.extents)
      SYNC_TRY(blocks.put(extent.hole ? encode_hole(extent.size) : encode_copy({extent.offset, extent.size})));
    SYNC_TRY(blocks.put(encode_end(twin.digest)));
    if (op.expected.is_file() && op.expected.digest != twin.digest) chunk_store_.drop(op.expected.digest);
    // The other server copies while this one goes on reading.
    return stat.size < kCopyAtOnce ? Status{} : blocks.flush();
  }

  Result<BeginRecord> begin_of(const Operation& op, int fd, const FileStat& stat) {
    BeginRecord begin{op.id, op.desired.stamp == stat.stamp(), entry_from_stat(stat), allocated(stat), 0};
    SYNC_TRY(reader_.complete(begin.source, reader_.preserves_xattrs() ? proc_fd_path(fd) : std::string(), true));
    return begin;
  }

  // A log that never rests: what was read is what the file held at `before` if that part is still the same a tick
  // later. It must have grown, or else a write of the same tick would go unnoticed: so the next scan finds another
  // fingerprint.
  bool only_grew(int fd, const FileStat& before, const Digest& digest) {
    settle(before);
    hasher_.reset();
    const auto hash = [this](std::string_view bytes, uint64_t zeros) {
      zeros != 0 ? hash_zeros(hasher_, zeros) : hasher_.update(bytes);
      return Status{};
    };
    const auto again = read_content(fd, before, hash, buffer_.get(), kReadBuffer);
    FileStat now;
    return again && *again == before.size && hasher_.finish() == digest && stat_fd(fd, now) == 0 &&
           now.size > before.size;
  }

  // Returns what the receiver's side of the stream says; a source that cannot be read is put into `broken`.
  // `whole`: all of `stat.size` bytes were there.
  Status stream(const Operation& op, int fd, const FileStat& stat, BlockBuilder& blocks, ContentRecords& records,
                bool& whole, std::optional<Error>& broken) {
    auto begin = begin_of(op, fd, stat);
    if (!begin) {
      broken = std::move(begin).error();
      return {};
    }
    SYNC_TRY(blocks.put(encode_begin(*begin)));
    hasher_.reset();
    records.begin(stat.size);
    bool emit_failed = false;
    const auto sink = [&](std::string_view bytes, uint64_t zeros) {
      zeros != 0 ? hash_zeros(hasher_, zeros) : hasher_.update(bytes);
      Status status = zeros != 0 ? records.hole(zeros) : records.data(bytes);
      emit_failed = !status.ok();
      return status;
    };
    auto got = read_content(fd, stat, sink, buffer_.get(), kReadBuffer);
    if (emit_failed) return std::move(got).error();
    SYNC_TRY(records.end());
    whole = !broken && got && *got == stat.size;
    if (!got) broken = std::move(got).error();
    return {};
  }

  std::unique_ptr<RootDir> root_;
  OwnerNames owners_;
  EntryReader reader_;
  Hasher hasher_;
  Chunker chunker_;
  ChunkStore chunk_store_;
  TwinSearch twins_;
  BlockEncoder encoder_;
  CompressionChoice compression_;
  std::unique_ptr<char[]> buffer_;
  uint64_t room_ = UINT64_MAX;  // on the target, for what is left of the batch
};

}  // namespace

Result<std::unique_ptr<Sender>> Sender::open(const RootOptions& options) {
  SYNC_ASSIGN(auto root, RootDir::open(options.root));
  // Without a state directory every file travels whole.
  const auto state = StateDir::open(*root, options.pair_id);
  return std::unique_ptr<Sender>(new RootSender(options, std::move(root), state ? state->chunks() : -1));
}

}  // namespace twsync
