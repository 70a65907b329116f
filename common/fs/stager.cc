#include "common/fs/stager.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/rel_path.h"
#include "common/fs/file_io.h"
#include "common/fs/file_reader.h"
#include "common/fs/violation.h"

namespace twsync {

Stager::Stager(const RootDir& root, const StateDir& state, StageArea& stage, const MetadataWriter& metadata,
               const HashKey& key, std::atomic<size_t>& open_files, size_t max_open,
               std::function<unsigned()> flush_failures)
    : root_(root),
      stage_(stage),
      metadata_(metadata),
      hasher_(key),
      chunker_(key),
      chunk_store_(state.chunks()),
      partials_(state.partial(), key),
      open_files_(open_files),
      max_open_(max_open),
      flush_failures_(std::move(flush_failures)) {
  partials_.drop_old(SystemClock().wall_ns());
}

Stager::~Stager() {
  if (current_ != nullptr) drop_current();
}

void Stager::begin(InFlight& flight) {
  flight_ = &flight;
  current_ = nullptr;
  room_.forget();
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
    case RecordType::arrived:
      return arrived(record.body);
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
  partial_.reset();
  arrived_damaged_ = false;
  arrived_bytes_ = 0;
  if (chunked()) chunker_.begin(chunk_average(source_.source.size));
  if (!item->ok() || source_.same) return {};
  item->flush_failures = flush_failures_();
  if (Status staged = stage_file(*item); !staged.ok()) item->fail(staged.error());
  if (item->staged.fd) ++open_files_;
  return {};
}

Status Stager::data(std::string_view bytes, uint64_t zeros) {
  if (current_ == nullptr || source_.same) return violation("content outside of a file");
  const uint64_t count = zeros != 0 ? zeros : bytes.size();
  if (count > source_.source.size - received_) return violation("more content than announced");
  received_ += count;
  if (!current_->ok()) return {};
  const int fd = current_->staged.fd.get();
  if (zeros != 0) {
    if (!settle_writes()) return {};
    // The size first: a hole no file can have must not be hashed for hours.
    if ((!sparse_ && ::ftruncate(fd, static_cast<off_t>(source_.source.size)) != 0) ||
        ::lseek(fd, static_cast<off_t>(received_), SEEK_SET) < 0) {
      current_->fail(error_from_errno(errno, "cannot stage the file"));
      return {};
    }
    sparse_ = true;
    if (Status hole = make_hole(zeros); !hole.ok()) current_->fail(hole.error());
    hash_zeros(hasher_, zeros);
    return chunked() ? chunker_.skip(zeros, note_chunk_) : Status{};
  }
  write(bytes);
  return chunked() && current_->ok() ? chunker_.feed(bytes, note_chunk_) : Status{};
}

void Stager::write(std::string_view bytes) {
  const int fd = current_->staged.fd.get();
  if (source_.source.size >= kBehindFrom) {
    writer_.write(fd, bytes);
  } else if (Status written = write_all(fd, bytes); !written) {
    current_->fail(written.error());
  }
  hasher_.update(bytes);
}

// What was written stands in the file, or the current item failed.
bool Stager::settle_writes() {
  if (Status written = writer_.drain(current_->staged.fd.get()); !written) {
    current_->fail(written.error());
    drop_partial();
  }
  if (partial_) partial_->settle();
  return current_->ok();
}

Status Stager::end_file(std::string_view body) {
  SYNC_ASSIGN(const Digest digest, decode_end(body));
  if (current_ == nullptr || (!source_.same && received_ != source_.source.size))
    return violation("end of a file that is not complete");
  Item& item = *current_;
  if (source_.same && (!may_be_same(*item.op) || digest != item.op->expected.digest))
    return violation("a content that is not the one that stands there");
  if (item.ok() && (source_.same || settle_writes())) check_content(item, digest);
  item.mtime_ns = source_.as_planned ? item.op->desired.mtime_ns : source_.source.mtime_ns;
  item.same_content = item.ok() && may_be_same(*item.op) && digest == item.op->expected.digest;
  if (item.same_content) drop_partial();
  if (item.ok() && !item.same_content) {
    if (Status status = finish_staging(item); !status) item.fail(status.error());
  }
  if (!item.ok() || item.same_content) drop_current();
  partial_.reset();
  current_ = nullptr;
  ++flight_->next_put;
  return {};
}

void Stager::check_content(Item& item, const Digest& digest) {
  item.digest = source_.same ? digest : hasher_.finish();
  item.result.source = source_.source;
  item.result.source.digest = item.digest;
  item.result.bytes = received_;
  item.result.resumed = arrived_bytes_;
  if (source_.same) return;
  if (arrived_damaged_) {
    item.fail(Error{ErrorCode::stale, "some of what came before the cut was damaged; that is sent again", {}, 0});
  } else if (item.digest == digest) {
    keep_chunks();
  } else if (drop_partial(); old_ || arrived_bytes_ > 0) {
    item.fail(Error{ErrorCode::stale, "the version here is not the one that was built upon; it goes whole", {}, 0});
  } else {
    item.fail(Error{ErrorCode::corrupt, "the content does not fit its digest", {}, 0});
  }
}

// As with the owner: what nobody asked to carry stays as it is on this side.
Status Stager::keep_attributes(const Item& item, int fd) {
  const Operation& op = *item.op;
  if (!op.expected.is_file()) return {};
  const auto parent = root_.open_dir(parent_path(op.path), O_PATH);
  if (!parent) return {};
  const auto kept = metadata_.kept_of(proc_fd_path(parent->get(), base_name(op.path)));
  return kept ? metadata_.apply(fd, Kind::file, *kept) : Status{};
}

Status Stager::finish_staging(Item& item) {
  Entry desired = item.op->desired;
  desired.kind = Kind::file;
  desired.mtime_ns = item.mtime_ns;
  const int fd = item.staged.fd.get();
  if (partial_) {
    SYNC_TRY(partial_->move_to(stage_, item.staged));
  } else if (source_.source.size >= kResumedFrom) {
    partials_.forget(item.op->path);
  }
  SYNC_TRY(keep_attributes(item, fd));
  SYNC_TRY(metadata_.apply(fd, Kind::file, metadata_.for_new(desired, item.op->expected)));
  if (const int err = stat_fd(fd, item.staged_stat); err != 0)
    return error_from_errno(err, "cannot look at the staged file");
  item.staged.inode = item.staged_stat.inode;
  // What was resumed is flushed by its own descriptor.
  if (open_files_ > max_open_ && item.result.resumed == 0) {
    SYNC_TRY(stage_.give_name(item.staged));
    item.staged.fd.reset();
    --open_files_;
  }
  return {};
}

// The staged file of the current item goes, but for what the next transfer may go on with; the item itself may begin
// once more.
void Stager::drop_current() {
  (void)settle_writes();
  partial_.reset();
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
    // Its source is as it was, so the next transfer may build upon the same version.
    if (old_chunks_) chunk_store_.put(current_->op->expected.digest, old_chunks_->list());
    current_->fail(error);
    drop_current();
  }
  for (; Item* item = next_item(); ++flight_->next_put) item->fail(error);
  flight_ = nullptr;
}

}  // namespace twsync
