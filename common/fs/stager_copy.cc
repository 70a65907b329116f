// What a Stager takes from a version that stands on its side already.

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/fs/stager.h"

#include "common/fs/violation.h"

namespace twsync {

namespace {

constexpr uint64_t kCopiedAtOnce = 256U << 10U;  // bytes: they are hashed while the cache has them

}  // namespace

Status Stager::copy(std::string_view body) {
  SYNC_ASSIGN(const CopyRecord record, decode_copy(body));
  if (current_ == nullptr || source_.same) return violation("content outside of a file");
  if (record.size > source_.source.size - received_) return violation("more content than announced");
  if (current_->ok() && !old_) open_old();
  if (current_->ok() && share_twin(record)) return {};
  received_ += record.size;
  for (uint64_t done = 0; done < record.size && current_->ok();) {
    auto copied = copy_some(record.offset + done, record.size - done);
    if (!copied) {
      Error error = std::move(copied).error();
      if (source_.twin != 0) error.code = ErrorCode::stale;  // its trouble is not the new file's
      current_->fail(error);
      break;
    }
    done += *copied;
  }
  if (!current_->ok() || !chunked()) return {};
  const auto known = old_chunks_ ? old_chunks_->covering(record.offset, record.size) : std::span<const Chunk>();
  // Without them no list is kept: the next edit travels whole.
  chunks_known_ = chunks_known_ && !known.empty();
  SYNC_TRY(chunker_.take_over(known.data(), known.size(), note_chunk_));
  note_copied(known);
  return {};
}

Result<size_t> Stager::copy_some(uint64_t offset, uint64_t most) {
  if (source_.source.size < kBehindFrom) {
    SYNC_ASSIGN(const auto bytes, old_->read(offset, most));
    write(bytes);
    return bytes.size();
  }
  auto size = static_cast<size_t>(std::min(most, kCopiedAtOnce));
  char* to = writer_.room(size);
  SYNC_ASSIGN(const size_t got, old_->read_into(to, offset, size));
  hasher_.update({to, got});
  writer_.filled(current_->staged.fd.get(), got);
  return got;
}

// Blocks that are shared are hashed as they stand in the new file.
bool Stager::share_twin(const CopyRecord& record) {
  const int fd = current_->staged.fd.get();
  if (source_.twin == 0 || record.offset != received_ || !settle_writes() ||
      !old_->share(record.offset, record.size, fd))
    return false;
  received_ += record.size;
  if (::lseek(fd, static_cast<off_t>(received_), SEEK_SET) < 0)
    current_->fail(error_from_errno(errno, "cannot stage the file"));
  for (uint64_t done = 0; done < record.size && current_->ok();) {
    const auto bytes = old_->read_of(fd, record.offset + done, record.size - done);
    if (!bytes) {
      current_->fail(bytes.error());
      break;
    }
    hasher_.update(*bytes);
    done += bytes->size();
  }
  return true;
}

// Of this batch nothing is in its place before its content is complete.
Result<std::unique_ptr<OldVersion>> Stager::open_twin(const std::string& path) {
  const auto end = flight_->puts.begin() + static_cast<std::ptrdiff_t>(flight_->next_put);
  const auto put =
      std::find_if(flight_->puts.begin(), end, [&](size_t index) { return flight_->items[index].op->path == path; });
  if (put == end || flight_->items[*put].same_content) return OldVersion::open_twin(root_, path);
  const Item& item = flight_->items[*put];
  if (item.staged.kind == Kind::file) return OldVersion::open_staged(stage_, item.staged);
  return Error{ErrorCode::stale, "the file with the same content did not come", path, 0};
}

void Stager::open_old() {
  auto opened = source_.twin != 0 ? open_twin(flight_->batch.twins[source_.twin - 1].path)
                                  : OldVersion::open(root_, *current_->op);
  if (!opened) {
    Error error = std::move(opened).error();
    if (source_.twin != 0) error.code = ErrorCode::stale;  // as below
    return current_->fail(error);
  }
  old_ = std::move(opened).value();
  if (!chunked()) return;
  if (auto kept = chunk_store_.take(current_->op->expected.digest)) old_chunks_.emplace(std::move(*kept));
}

void Stager::keep_chunks() {
  const Digest& before = current_->op->expected.digest;
  const bool built_upon = old_ && source_.twin == 0;  // then its list was taken
  if (!built_upon && source_.source.size >= kChunkedFrom && before != current_->digest) chunk_store_.drop(before);
  if (!chunked() || !chunks_known_ || !chunker_.end({})) return;
  chunk_store_.put(current_->digest, chunker_.take_list());
}

}  // namespace twsync
