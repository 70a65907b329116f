#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>
#include <utility>

#include "common/base/text.h"
#include "common/fs/applier.h"
#include "common/fs/chunk_store.h"
#include "common/fs/content_records.h"
#include "common/fs/dir_handle.h"
#include "common/fs/entry_reader.h"
#include "common/fs/file_reader.h"
#include "common/fs/in_flight.h"
#include "common/fs/read_ahead.h"
#include "common/fs/state_dir.h"
#include "common/fs/twin_search.h"

namespace twsync {

namespace {

constexpr size_t kReadBuffer = 128U << 10U;
constexpr int kTries = 4;
constexpr size_t kRestless = 1000;

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

class RootSender final : public Sender {
 public:
  RootSender(const RootOptions& options, std::unique_ptr<RootDir> root, int chunks)
      : root_(std::move(root)),
        reader_({.owner = options.preserve_owner, .xattrs = options.preserve_xattrs}, owners_, root_->device()),
        hasher_(options.hash_key),
        chunker_(options.hash_key),
        chunk_store_(chunks),
        twins_(*root_, hasher_),
        buffer_(std::make_unique_for_overwrite<char[]>(kReadBuffer)) {}

  Status send(const Batch& batch, const Emit& emit) override {
    SYNC_TRY(root_->check_in_place());
    BlockBuilder blocks(emit, encoder_, compression_);
    ReadAhead sources(*root_, batch);
    twins_.begin(batch);
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
    if (allocated(stat) > room_) {
      if (is_same(op, fd, stat)) return send_same(op, fd, stat, blocks);
      return blocks.put(encode_failed({op.id, no_room(stat)}));
    }
    room_ -= allocated(stat);
    if (const auto twin = twins_.find(batch, op.id, fd, stat)) return send_twin(*twin, op, fd, stat, blocks);
    std::optional<OldChunks> old;
    if (stat.size >= kChunkedFrom && op.expected.is_file()) {
      if (auto kept = chunk_store_.take(op.expected.digest)) old.emplace(std::move(*kept));
    }
    if (!old && is_same(op, fd, stat)) return send_same(op, fd, stat, blocks);
    const auto arrived = arrived_of(batch, op);
    bool grew = false;
    for (int tries = restless_.contains(op.path) ? 2 : 1; tries <= kTries; ++tries) {
      const bool last = tries == kTries;
      if (tries > 1 && !(last ? grew : rests(fd, stat, grew))) continue;
      if (!last) settle_mapped(fd, stat);
      const BlockBuilder::Mark start = blocks.mark();
      std::optional<Error> broken;
      bool whole = false;
      ContentRecords records(blocks, chunker_, old ? &*old : nullptr, arrived ? &*arrived : nullptr);
      if (Status sent = stream(op, fd, stat, blocks, records, whole, broken); !sent.ok()) {
        // Cut: the next transfer may build upon the same version.
        if (old) chunk_store_.put(op.expected.digest, old->list());
        return sent;
      }
      FileStat after;
      const int err = stat_fd(fd, after);
      const Digest digest = hasher_.finish();
      if (whole && err == 0 && (last ? only_grew(fd, stat, digest) : after.same_moment(stat))) {
        if (stat.size >= kChunkedFrom) chunk_store_.put(digest, chunker_.take_list());
        twins_.sent(op.path, digest);
        restless_.erase(op.path);
        return blocks.put(encode_end(digest));
      }
      if (!blocks.take_back(start)) SYNC_TRY(blocks.put(encode_abort()));
      if (broken) return blocks.put(encode_failed({op.id, *broken}));
      if (err != 0) return blocks.put(encode_failed({op.id, error_from_errno(err, "cannot look at the file")}));
      note_restless(op.path);
      grew = after.size > stat.size;
      stat = after;
    }
    return blocks.put(
        encode_failed({op.id, Error{ErrorCode::stale, "the file keeps changing; it will be tried again", {}, 0}}));
  }

  // What was sent in vain once is read without sending first: else a file that never rests takes the line for itself.
  bool rests(int fd, FileStat& stat, bool& grew) {
    settle_mapped(fd, stat);
    const auto nothing = [](std::string_view, uint64_t) { return Status{}; };
    const auto got = read_content(fd, stat, nothing, buffer_.get(), kReadBuffer);
    const FileStat before = stat;
    if (stat_fd(fd, stat) != 0) return false;
    grew = stat.size > before.size;
    return got && *got == before.size && stat.same_moment(before);
  }
  void note_restless(const std::string& path) {
    if (restless_.size() >= kRestless) restless_.clear();
    restless_.insert(path);
  }

  // R62: nobody has read it yet; without a list of its chunks it would travel whole.
  bool is_same(const Operation& op, int fd, FileStat& stat) {
    if (!may_be_same(op) || op.desired.digest.known()) return false;
    if (stat.size < kChunkedFrom || stat.size != op.expected.size) return false;
    FileStat read = stat;
    const auto digest = hash_file(fd, hasher_, read);
    if (!digest || *digest != op.expected.digest) return false;
    stat = read;
    return true;
  }
  Status send_same(const Operation& op, int fd, const FileStat& stat, BlockBuilder& blocks) {
    auto begin = begin_of(op, fd, stat);
    if (!begin) return blocks.put(encode_failed({op.id, begin.error()}));
    begin->same = true;
    SYNC_TRY(blocks.put(encode_begin(*begin)));
    return blocks.put(encode_end(op.expected.digest));
  }

  static std::optional<ArrivedChunks> arrived_of(const Batch& batch, const Operation& op) {
    for (const Partial& partial : batch.partials) {
      if (partial.op != op.id) continue;
      if (auto list = parse_chunks(partial.list)) return ArrivedChunks(std::move(*list));
    }
    return std::nullopt;
  }

  Status send_twin(const FoundTwin& twin, const Operation& op, int fd, const FileStat& stat, BlockBuilder& blocks) {
    auto begin = begin_of(op, fd, stat);
    if (!begin) return blocks.put(encode_failed({op.id, begin.error()}));
    begin->twin = twin.number;
    SYNC_TRY(blocks.put(encode_begin(*begin)));
    for (const FoundTwin::Extent& extent : twin.extents)
      SYNC_TRY(blocks.put(extent.hole ? encode_hole(extent.size) : encode_copy({extent.offset, extent.size})));
    SYNC_TRY(blocks.put(encode_end(twin.digest)));
    twins_.sent(op.path, twin.digest);
    if (op.expected.is_file() && op.expected.digest != twin.digest) chunk_store_.drop(op.expected.digest);
    // The other server copies while this one goes on reading.
    return stat.size < kCopyAtOnce ? Status{} : blocks.flush();
  }

  Result<BeginRecord> begin_of(const Operation& op, int fd, const FileStat& stat) {
    BeginRecord begin{op.id, op.desired.stamp == stat.stamp(), false, entry_from_stat(stat), allocated(stat), 0};
    SYNC_TRY(reader_.complete(begin.source, reader_.preserves_xattrs() ? proc_fd_path(fd) : std::string(), true));
    return begin;
  }

  // A log that never rests: what was read is what the file held at `before` if that part is still the same a tick
  // later. It must have grown, or else a write of the same tick would go unnoticed: so the next scan finds another
  // fingerprint.
  bool only_grew(int fd, const FileStat& before, const Digest& digest) {
    settle_mapped(fd, before);
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
    if (goes_in_place(stat)) return read_in_place(fd, stat.size, blocks, whole, broken);
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

  static bool goes_in_place(const FileStat& stat) {
    return stat.size > 0 && stat.size <= BlockBuilder::kInPlace && stat.size < kChunkedFrom &&
           stat.size <= stat.blocks * 512;
  }

  // Most files: read to where they are sent from.
  Status read_in_place(int fd, size_t size, BlockBuilder& blocks, bool& whole, std::optional<Error>& broken) {
    SYNC_ASSIGN(char* const to, blocks.place(size));
    auto got = read_begin(fd, to, size);
    if (!got) {
      broken = std::move(got).error();
      return {};
    }
    hasher_.update({to, *got});
    if (*got > 0) blocks.put_placed(*got);
    whole = *got == size;
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
  std::set<std::string> restless_;  // changed while they were sent, in this session
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

Result<std::unique_ptr<Sender>> Sender::open_at(int dir_fd, const RootOptions& options) {
  SYNC_ASSIGN(auto root, RootDir::at(dir_fd));
  return std::unique_ptr<Sender>(new RootSender(options, std::move(root), -1));
}

}  // namespace twsync
