#include <algorithm>
#include <optional>

#include "common/fs/applier.h"
#include "common/fs/block_codec.h"
#include "common/fs/compression_choice.h"
#include "common/fs/content_format.h"
#include "common/fs/dir_handle.h"
#include "common/fs/entry_reader.h"
#include "common/fs/file_reader.h"
#include "common/fs/read_ahead.h"

namespace twsync {

namespace {

constexpr size_t kReadBuffer = 128U << 10U;
constexpr size_t kWorthFilling = 4096;  // room at the end of a block below which a longer piece starts a new one
constexpr int kTries = 3;

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

class RootSender final : public Sender {
 public:
  RootSender(const RootOptions& options, std::unique_ptr<RootDir> root)
      : root_(std::move(root)),
        reader_({options.preserve_owner, options.preserve_xattrs}, owners_, root_->device()),
        hasher_(options.hash_key),
        buffer_(std::make_unique<char[]>(kReadBuffer)) {}

  Status send(const Batch& batch, const Emit& emit) override {
    SYNC_TRY(root_->check_in_place());
    BlockBuilder blocks(emit, encoder_, compression_);
    ReadAhead sources(*root_, batch);
    while (auto source = sources.next()) SYNC_TRY(send_file(*source, blocks));
    return blocks.flush();
  }

 private:
  Status send_file(const OpenedSource& source, BlockBuilder& blocks) {
    const Operation& op = *source.op;
    if (source.error) return blocks.put(encode_failed({op.id, *source.error}));
    const int fd = source.fd.get();
    FileStat stat = source.stat;
    for (int tries = 0; tries < kTries; ++tries) {
      settle(stat);
      const BlockBuilder::Mark start = blocks.mark();
      std::optional<Error> broken;
      bool whole = false;
      SYNC_TRY(stream(op, fd, stat, blocks, whole, broken));
      FileStat after;
      const int err = stat_fd(fd, after);
      if (whole && err == 0 && after.same_moment(stat)) return blocks.put(encode_end(hasher_.finish()));
      if (!blocks.take_back(start)) SYNC_TRY(blocks.put(encode_abort()));
      if (broken) return blocks.put(encode_failed({op.id, *broken}));
      if (err != 0) return blocks.put(encode_failed({op.id, error_from_errno(err, "cannot look at the file")}));
      stat = after;
    }
    return blocks.put(
        encode_failed({op.id, Error{ErrorCode::stale, "the file keeps changing; it will be tried again", {}, 0}}));
  }

  // Returns what the receiver's side of the stream says; a source that cannot be read is put into `broken`.
  // `whole`: all of `stat.size` bytes were there.
  Status stream(const Operation& op, int fd, const FileStat& stat, BlockBuilder& blocks, bool& whole,
                std::optional<Error>& broken) {
    BeginRecord begin{op.id, op.desired.stamp == stat.stamp(), entry_from_stat(stat)};
    if (Status status =
            reader_.complete(begin.source, reader_.preserves_xattrs() ? proc_fd_path(fd) : std::string(), true);
        !status) {
      broken = std::move(status).error();
      return {};
    }
    SYNC_TRY(blocks.put(encode_begin(begin)));
    hasher_.reset();
    bool emit_failed = false;
    const auto sink = [&](std::string_view bytes, uint64_t zeros) {
      zeros != 0 ? hash_zeros(hasher_, zeros) : hasher_.update(bytes);
      Status status = zeros != 0 ? blocks.put(encode_hole(zeros)) : blocks.put_data(bytes);
      emit_failed = !status.ok();
      return status;
    };
    auto got = read_content(fd, stat, sink, buffer_.get(), kReadBuffer);
    if (emit_failed) return std::move(got).error();
    whole = !broken && got && *got == stat.size;
    if (!got) broken = std::move(got).error();
    return {};
  }

  std::unique_ptr<RootDir> root_;
  OwnerNames owners_;
  EntryReader reader_;
  Hasher hasher_;
  BlockEncoder encoder_;
  CompressionChoice compression_;
  std::unique_ptr<char[]> buffer_;
};

}  // namespace

Result<std::unique_ptr<Sender>> Sender::open(const RootOptions& options) {
  SYNC_ASSIGN(auto root, RootDir::open(options.root));
  return std::unique_ptr<Sender>(new RootSender(options, std::move(root)));
}

}  // namespace twsync
