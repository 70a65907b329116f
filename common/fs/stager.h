#pragma once
// Content stream -> staged files: decompressed, verified, with their metadata, not yet visible.

#include <atomic>
#include <functional>
#include <memory>
#include <optional>

#include "common/base/hasher.h"
#include "common/fs/block_codec.h"
#include "common/fs/chunk_store.h"
#include "common/fs/chunker.h"
#include "common/fs/delta.h"
#include "common/fs/content_format.h"
#include "common/fs/in_flight.h"
#include "common/fs/metadata.h"
#include "common/fs/write_behind.h"
#include "common/fs/old_version.h"
#include "common/fs/partial_store.h"
#include "common/fs/space.h"

namespace twsync {

constexpr uint64_t kBehindFrom = 16U << 20U;  ///< bytes; a thread that writes less costs more than it saves

/// One thread.
class Stager {
 public:
  /// `open_files` counts the descriptors that staged files hold (whoever closes one counts it down); beyond `max_open`
  /// a file gets a name in the stage and is closed. `flush_failures`: see Flusher.
  Stager(const RootDir& root, const StateDir& state, StageArea& stage, const MetadataWriter& metadata,
         const HashKey& key, std::atomic<size_t>& open_files, size_t max_open,
         std::function<unsigned()> flush_failures);
  /// The flight begun last still stands, unless it has ended.
  ~Stager();

  void begin(InFlight& flight);
  /// peer_violation: the stream is no longer to be trusted; abort().
  Status block(std::string_view bytes);
  /// The batch's content is complete; put_files that never came fail.
  Status end();
  /// Everything that is not complete fails with `error`.
  void abort(const Error& error);

 private:
  Status record(const Record& record);
  Status begin_file(std::string_view body);
  Status stage_file(Item& item);
  Status make_hole(uint64_t zeros);
  Status arrived(std::string_view body);
  void note_copied(std::span<const Chunk> chunks);
  void drop_partial();
  Status data(std::string_view bytes, uint64_t zeros);
  void write(std::string_view bytes);
  bool settle_writes();
  Status copy(std::string_view body);
  Result<size_t> copy_some(uint64_t offset, uint64_t most);
  void open_old();
  Result<std::unique_ptr<OldVersion>> open_twin(const std::string& path);
  void check_content(Item& item, const Digest& digest);
  void keep_chunks();
  bool share_twin(const CopyRecord& record);
  bool chunked() const { return source_.source.size >= kChunkedFrom && source_.twin == 0; }
  Status end_file(std::string_view body);
  Status failed(std::string_view body);
  Status finish_staging(Item& item);
  Status keep_attributes(const Item& item, int fd);
  void drop_current();
  Item* next_item();

  const RootDir& root_;
  StageArea& stage_;
  const MetadataWriter& metadata_;
  Hasher hasher_;
  Chunker chunker_;
  ChunkStore chunk_store_;
  PartialStore partials_;
  BlockDecoder decoder_;
  WriteBehind writer_;
  std::atomic<size_t>& open_files_;
  const size_t max_open_;
  std::function<unsigned()> flush_failures_;
  RoomForMany room_;

  InFlight* flight_ = nullptr;
  Item* current_ = nullptr;  // a file whose begin came
  BeginRecord source_;
  uint64_t received_ = 0;
  bool sparse_ = false;
  std::unique_ptr<OldVersion> old_;       ///< of the current file, or its twin, once bytes of it are wanted
  bool chunks_known_ = true;              ///< of all that came of the current file
  std::optional<OldChunks> old_chunks_;   ///< of the same
  std::unique_ptr<PartialFile> partial_;  ///< where the current file is staged, if it is to outlive a cut
  bool arrived_damaged_ = false;          ///< of what arrived in it before: the rest is taken in, but it isn't whole
  uint64_t arrived_bytes_ = 0;            ///< of that, what counts now
  const Chunker::Sink note_chunk_ = [this](const Chunk& chunk, std::string_view) {
    if (partial_) partial_->add(chunk);
    return Status{};
  };
};

}  // namespace twsync
