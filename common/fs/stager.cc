#include "common/fs/stager.h"

#include <unistd.h>

#include <cerrno>

#include "common/fs/file_io.h"
#include "common/fs/file_reader.h"
#include "common/fs/space.h"

namespace twsync {

namespace {

Error violation(const char* text) {
  return Error{ErrorCode::peer_violation, text, {}, 0};
}

}  // namespace

Stager::Stager(const RootDir& root, const StateDir& state, StageArea& stage, const MetadataWriter& metadata,
               const HashKey& key, std::atomic<size_t>& open_files, size_t max_open,
               std::function<unsigned()> flush_failures)
    : root_(root),
      stage_(stage),
      metadata_(metadata),
      hasher_(key),
      chunker_(key),
      chunk_store_(state.chunks()),
      open_files_(open_files),
      max_open_(max_open),
      flush_failures_(std::move(flush_failures)) {}

void Stager::begin(InFlight& flight) {
  flight_ = &flight;
  current_ = nullptr;
}

Status Stager::block(std::string_view bytes) {
  if (flight_ == nullptr) return violation("content outside of a batch");
  flight_->wire_bytes += bytes.size();
  SYNC_ASSIGN(const std::string_view raw, decoder_.decode(bytes));
  RecordReader reader(raw);
  while (reader.more()) {
    SYNC_ASSIGN(const Record next, reader.next());
    SYNC_TRY(record(next));
  }
  return {};
}

Status Stager::record(const Record& record) {
  switch (record.type) {
    case RecordType::begin:
      return begin_file(record.body);
    case RecordType::data:
      return data(record.body, 0);
    case RecordType::hole: {
      SYNC_ASSIGN(const uint64_t zeros, decode_hole(record.body));
      return data({}, zeros);
    }
    case RecordType::copy:
      return copy(record.body);
    case RecordType::end:
      return end_file(record.body);
    case RecordType::abort:
      if (current_ == nullptr) return violation("abort without a file");
      drop_current();
      return {};
    case RecordType::failed:
      return failed(record.body);
  }
  return violation("unknown content record");
}

Item* Stager::next_item() {
  if (flight_->next_put == flight_->puts.size()) return nullptr;
  return &flight_->items[flight_->puts[flight_->next_put]];
}

Status Stager::begin_file(std::string_view body) {
  SYNC_ASSIGN(source_, decode_begin(body));
  Item* item = next_item();
  if (current_ != nullptr || item == nullptr || item->op->id != source_.op)
    return violation("content of a file out of order");
  const auto& twins = flight_->batch.twins;
  if (source_.twin > twins.size() || (source_.twin != 0 && twins[source_.twin - 1].op != source_.op))
    return violation("a copy of something that is not its twin");
  current_ = item;
  received_ = 0;
  sparse_ = false;
  old_.reset();
  hasher_.reset();
  old_chunks_.reset();
  chunks_known_ = true;
  if (chunked()) chunker_.begin(chunk_average(source_.source.size));
  if (!item->ok()) return {};
  item->flush_failures = flush_failures_();
  if (Status room = check_room(stage_.fd(), source_.allocated); !room.ok()) {
    item->fail(room.error());
    return {};
  }
  auto staged = stage_.create_file();
  if (!staged) {
    item->fail(staged.error());
    return {};
  }
  item->staged = std::move(staged).value();
  ++open_files_;
  return {};
}

Status Stager::data(std::string_view bytes, uint64_t zeros) {
  if (current_ == nullptr) return violation("content outside of a file");
  const uint64_t count = zeros != 0 ? zeros : bytes.size();
  if (count > source_.source.size - received_) return violation("more content than announced");
  received_ += count;
  if (!current_->ok()) return {};
  const int fd = current_->staged.fd.get();
  if (zeros != 0) {
    // The size first: a hole no file can have must not be hashed for hours.
    if ((!sparse_ && ::ftruncate(fd, static_cast<off_t>(source_.source.size)) != 0) ||
        ::lseek(fd, static_cast<off_t>(received_), SEEK_SET) < 0) {
      current_->fail(error_from_errno(errno, "cannot stage the file"));
      return {};
    }
    sparse_ = true;
    hash_zeros(hasher_, zeros);
    return chunked() ? chunker_.skip(zeros, {}) : Status{};
  }
  write(bytes);
  return chunked() ? chunker_.feed(bytes, {}) : Status{};
}

void Stager::write(std::string_view bytes) {
  if (Status written = write_all(current_->staged.fd.get(), bytes); !written) current_->fail(written.error());
  hasher_.update(bytes);
}

Status Stager::copy(std::string_view body) {
  SYNC_ASSIGN(const CopyRecord record, decode_copy(body));
  if (current_ == nullptr) return violation("content outside of a file");
  if (record.size > source_.source.size - received_) return violation("more content than announced");
  if (current_->ok() && !old_) open_old();
  if (current_->ok() && share_twin(record)) return {};
  received_ += record.size;
  for (uint64_t done = 0; done < record.size && current_->ok();) {
    auto bytes = old_->read(record.offset + done, record.size - done);
    if (!bytes) {
      Error error = std::move(bytes).error();
      if (source_.twin != 0) error.code = ErrorCode::stale;  // its trouble is not the new file's
      current_->fail(error);
      break;
    }
    write(*bytes);
    done += bytes->size();
  }
  if (!current_->ok() || !chunked()) return {};
  const auto known = old_chunks_ ? old_chunks_->covering(record.offset, record.size) : std::span<const Chunk>();
  // Without them no list is kept: the next edit travels whole.
  chunks_known_ = chunks_known_ && !known.empty();
  return chunker_.take_over(known.data(), known.size(), {});
}

// Blocks that are shared are hashed as they stand in the new file.
bool Stager::share_twin(const CopyRecord& record) {
  const int fd = current_->staged.fd.get();
  if (source_.twin == 0 || record.offset != received_ || !old_->share(record.offset, record.size, fd)) return false;
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

void Stager::open_old() {
  auto opened = source_.twin != 0 ? OldVersion::open_twin(root_, flight_->batch.twins[source_.twin - 1].path)
                                  : OldVersion::open(root_, *current_->op);
  if (!opened) return current_->fail(opened.error());
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

Status Stager::end_file(std::string_view body) {
  SYNC_ASSIGN(const Digest digest, decode_end(body));
  if (current_ == nullptr || received_ != source_.source.size) return violation("end of a file that is not complete");
  Item& item = *current_;
  if (item.ok()) {
    item.digest = hasher_.finish();
    item.result.source = source_.source;
    item.result.source.digest = item.digest;
    item.result.bytes = received_;
    if (item.digest == digest) {
      keep_chunks();
    } else if (old_) {
      item.fail(Error{ErrorCode::stale, "the version here is not the one that was built upon; it goes whole", {}, 0});
    } else {
      item.fail(Error{ErrorCode::corrupt, "the content does not fit its digest", {}, 0});
    }
  }
  if (item.ok()) {
    if (Status status = finish_staging(item); !status) item.fail(status.error());
  }
  if (!item.ok()) drop_current();
  current_ = nullptr;
  ++flight_->next_put;
  return {};
}

Status Stager::finish_staging(Item& item) {
  Entry desired = item.op->desired;
  desired.kind = Kind::file;
  if (!source_.as_planned) desired.mtime_ns = source_.source.mtime_ns;
  const int fd = item.staged.fd.get();
  SYNC_TRY(metadata_.apply(fd, Kind::file, metadata_.for_new(desired, item.op->expected)));
  if (const int err = stat_fd(fd, item.staged_stat); err != 0)
    return error_from_errno(err, "cannot look at the staged file");
  item.staged.inode = item.staged_stat.inode;
  if (open_files_ > max_open_) {
    SYNC_TRY(stage_.give_name(item.staged));
    item.staged.fd.reset();
    --open_files_;
  }
  return {};
}

// The staged file of the current item goes; the item itself may begin once more.
void Stager::drop_current() {
  if (current_->staged.fd) --open_files_;
  stage_.discard(current_->staged);
  current_->staged = Staged{};
  current_ = nullptr;
}

Status Stager::failed(std::string_view body) {
  SYNC_ASSIGN(const FailedRecord record, decode_failed(body));
  Item* item = next_item();
  if (item == nullptr || item->op->id != record.op) return violation("a failed file out of order");
  if (current_ != nullptr) drop_current();
  item->fail(record.error);
  ++flight_->next_put;
  return {};
}

Status Stager::end() {
  if (current_ != nullptr || next_item() != nullptr) return violation("the batch's content is not complete");
  flight_ = nullptr;
  return {};
}

void Stager::abort(const Error& error) {
  if (flight_ == nullptr) return;
  if (current_ != nullptr) {
    current_->fail(error);
    drop_current();
  }
  for (; Item* item = next_item(); ++flight_->next_put) item->fail(error);
  flight_ = nullptr;
}

}  // namespace twsync
