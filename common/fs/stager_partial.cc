// What a Stager does so that a large file outlives a cut.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/fs/stager.h"
#include "common/fs/violation.h"

namespace twsync {

Status Stager::stage_file(Item& item) {
  if (source_.source.size >= kResumedFrom && source_.twin == 0)
    partial_ = partials_.open(item.op->path, source_.source.size);
  const uint64_t there = partial_ ? std::min(partial_->allocated(), source_.allocated) : 0;
  Status room = room_.check(stage_.fd(), source_.allocated - there);
  if (!room.ok() && room.error().code == ErrorCode::no_space) {
    // What waits for its transfer to go on gives way to one that is here.
    partials_.drop_all();
    room = check_room(stage_.fd(), source_.allocated - there);
  }
  if (!room.ok()) {
    drop_partial();
    return room;
  }
  if (!partial_) {
    SYNC_ASSIGN(item.staged, stage_.create_file());
    return {};
  }
  item.staged = Staged{Kind::file, UniqueFd(::fcntl(partial_->fd(), F_DUPFD_CLOEXEC, 0)), 0, false, 0};
  return item.staged.fd ? Status{} : Status(error_from_errno(errno, "cannot stage the file"));
}

Status Stager::arrived(std::string_view body) {
  SYNC_ASSIGN(const uint64_t count, decode_arrived(body));
  if (current_ == nullptr || source_.same) return violation("content outside of a file");
  if (count > source_.source.size - received_) return violation("more content than announced");
  const uint64_t offset = std::exchange(received_, received_ + count);
  if (!current_->ok() || !settle_writes()) return {};
  if (!partial_) {
    current_->fail(Error{ErrorCode::stale, "what came before the cut is not there any more; it is sent again", {}, 0});
    return {};
  }
  const std::span<const Chunk> chunks = partial_->listed(offset, count);
  for (const Chunk& chunk : chunks) {
    std::string_view bytes;
    if (!partial_->read_back(chunk, bytes)) arrived_damaged_ = true;
    hasher_.update(bytes);
  }
  arrived_bytes_ += count;
  if (::lseek(current_->staged.fd.get(), static_cast<off_t>(received_), SEEK_SET) < 0)
    current_->fail(error_from_errno(errno, "cannot stage the file"));
  if (!chunks.empty()) return chunker_.take_over(chunks.data(), chunks.size(), note_chunk_);
  arrived_damaged_ = true;
  return chunker_.skip(count, note_chunk_);
}

// A hole of the source, where other bytes may have come before the cut.
Status Stager::make_hole(uint64_t zeros) {
  if (!partial_) return {};
  Status made = partial_->make_hole(received_ - zeros, zeros);
  if (!made.ok()) drop_partial();
  return made;
}

// What was copied out of the old version need not be copied again, even if that version is another one by then.
void Stager::note_copied(std::span<const Chunk> chunks) {
  if (!partial_) return;
  uint64_t size = 0;
  for (const Chunk& chunk : chunks) size += chunk.size;
  uint64_t offset = received_ - size;
  for (Chunk chunk : chunks) {
    chunk.offset = std::exchange(offset, offset + chunk.size);
    partial_->add(chunk);
  }
}

void Stager::drop_partial() {
  if (partial_) partial_->drop();
  partial_.reset();
}

}  // namespace twsync
