#include "common/fs/content_format.h"

#include <algorithm>
#include <limits>

#include "common/fs/violation.h"

namespace twsync {

namespace {

constexpr size_t kMaxName = 1024;
constexpr uint8_t kAsPlanned = 1;
constexpr uint8_t kSame = 2;
constexpr size_t kMaxXattrs = 192U << 10U;  // a begin record must fit into a block

template <class T>
void put(std::string& out, T value) {
  const auto bits = static_cast<uint64_t>(value);
  for (size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(bits >> (8 * i));
}

void put_head(std::string& out, RecordType type, size_t length) {
  put(out, static_cast<uint32_t>(static_cast<uint32_t>(type) | length << 8U));
}

std::string framed(RecordType type, const std::string& body) {
  std::string out;
  out.reserve(kRecordHead + body.size());
  put_head(out, type, body.size());
  out += body;
  return out;
}

class Fields {
 public:
  explicit Fields(std::string_view in) : in_(in) {}
  bool ok() const { return ok_; }
  bool more() const { return ok_ && !in_.empty(); }

  template <class T>
  T take() {
    if (in_.size() < sizeof(T)) ok_ = false;
    if (!ok_) return T{};
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof(T); ++i)
      value |= static_cast<uint64_t>(static_cast<unsigned char>(in_[i])) << (8 * i);
    in_.remove_prefix(sizeof(T));
    return static_cast<T>(value);
  }
  template <class Length>
  std::string_view text(size_t limit) {
    const size_t length = take<Length>();
    if (length > in_.size() || length > limit) ok_ = false;
    if (!ok_) return {};
    const std::string_view out = in_.substr(0, length);
    in_.remove_prefix(length);
    return out;
  }

 private:
  std::string_view in_;
  bool ok_ = true;
};

}  // namespace

std::string encode_begin(const BeginRecord& record) {
  const Entry& source = record.source;
  std::string body;
  body.reserve(96);
  put(body, record.op);
  put(body, static_cast<uint8_t>((record.as_planned ? kAsPlanned : 0U) | (record.same ? kSame : 0U)));
  put(body, source.mode);
  put(body, source.links);
  put(body, source.uid);
  put(body, source.gid);
  put(body, source.size);
  put(body, source.mtime_ns);
  put(body, source.stamp.inode);
  put(body, source.stamp.ctime_ns);
  for (const Name* name : {&source.owner, &source.group}) {
    const std::string_view text = std::string_view(name->str()).substr(0, kMaxName);
    put(body, static_cast<uint16_t>(text.size()));
    body += text;
  }
  const std::string& xattrs = source.xattrs.str();
  const bool fits = xattrs.size() <= kMaxXattrs;
  put(body, static_cast<uint32_t>(fits ? xattrs.size() : 0));
  if (fits) body += xattrs;
  put(body, record.allocated);
  if (record.twin != 0) put(body, record.twin);
  return framed(RecordType::begin, body);
}

std::string encode_data_head(size_t size) {
  std::string out;
  put_head(out, RecordType::data, size);
  return out;
}

std::string encode_hole(uint64_t count) {
  std::string body;
  put(body, count);
  return framed(RecordType::hole, body);
}

std::string encode_copy(const CopyRecord& record) {
  std::string body;
  put(body, record.offset);
  put(body, record.size);
  return framed(RecordType::copy, body);
}

std::string encode_arrived(uint64_t count) {
  std::string body;
  put(body, count);
  return framed(RecordType::arrived, body);
}

std::string encode_end(const Digest& digest) {
  std::string body;
  put(body, static_cast<uint8_t>(digest.algorithm));
  put(body, digest.high);
  put(body, digest.low);
  return framed(RecordType::end, body);
}

std::string encode_abort() {
  return framed(RecordType::abort, {});
}

std::string encode_failed(const FailedRecord& record) {
  std::string body;
  put(body, record.op);
  put(body, static_cast<uint8_t>(record.error.code));
  put(body, static_cast<int32_t>(record.error.sys_errno));
  const std::string_view message = std::string_view(record.error.message).substr(0, kMaxName);
  put(body, static_cast<uint16_t>(message.size()));
  body += message;
  return framed(RecordType::failed, body);
}

Result<Record> RecordReader::next() {
  Fields fields(rest_);
  const auto head = fields.take<uint32_t>();
  const size_t length = head >> 8U;
  const auto type = static_cast<uint8_t>(head & 0xFFU);
  if (!fields.ok() || length > rest_.size() - kRecordHead) return violation("a content record goes past its block");
  if (type < 1 || type > 8) return violation("unknown content record");
  Record record{static_cast<RecordType>(type), rest_.substr(kRecordHead, length)};
  rest_.remove_prefix(kRecordHead + length);
  return record;
}

Result<BeginRecord> decode_begin(std::string_view body) {
  Fields fields(body);
  BeginRecord record;
  Entry& source = record.source;
  source.kind = Kind::file;
  record.op = fields.take<uint32_t>();
  const auto flags = fields.take<uint8_t>();
  record.as_planned = (flags & kAsPlanned) != 0;
  record.same = (flags & kSame) != 0;
  source.mode = fields.take<uint32_t>() & 07777U;
  source.links = fields.take<uint32_t>();
  source.uid = fields.take<uint32_t>();
  source.gid = fields.take<uint32_t>();
  source.size = fields.take<uint64_t>();
  source.mtime_ns = fields.take<int64_t>();
  source.stamp = Stamp{fields.take<uint64_t>(), source.size, source.mtime_ns, 0};
  source.stamp.ctime_ns = fields.take<int64_t>();
  source.owner = Name(fields.text<uint16_t>(kMaxName));
  source.group = Name(fields.text<uint16_t>(kMaxName));
  source.xattrs = Name(fields.text<uint32_t>(kMaxXattrs));
  record.allocated = fields.more() ? fields.take<uint64_t>() : source.size;
  record.twin = fields.more() ? fields.take<uint32_t>() : 0;
  if (!fields.ok() || source.size > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return violation("malformed begin record");
  }
  return record;
}

Result<uint64_t> decode_hole(std::string_view body) {
  Fields fields(body);
  const auto count = fields.take<uint64_t>();
  if (!fields.ok() || count == 0) return violation("malformed hole record");
  return count;
}

Result<CopyRecord> decode_copy(std::string_view body) {
  Fields fields(body);
  CopyRecord record;
  record.offset = fields.take<uint64_t>();
  record.size = fields.take<uint64_t>();
  const auto end = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (!fields.ok() || record.size == 0 || record.offset > end || record.size > end - record.offset)
    return violation("malformed copy record");
  return record;
}

Result<uint64_t> decode_arrived(std::string_view body) {
  Fields fields(body);
  const auto count = fields.take<uint64_t>();
  if (!fields.ok() || count == 0) return violation("malformed arrived record");
  return count;
}

Result<Digest> decode_end(std::string_view body) {
  Fields fields(body);
  Digest digest;
  digest.algorithm = static_cast<DigestAlgorithm>(fields.take<uint8_t>());
  digest.high = fields.take<uint64_t>();
  digest.low = fields.take<uint64_t>();
  if (!fields.ok() || digest.algorithm != DigestAlgorithm::xxh3_128_keyed) return violation("malformed end record");
  return digest;
}

Result<FailedRecord> decode_failed(std::string_view body) {
  Fields fields(body);
  FailedRecord record;
  record.op = fields.take<uint32_t>();
  const auto code = fields.take<uint8_t>();
  record.error.sys_errno = fields.take<int32_t>();
  record.error.message = std::string(fields.text<uint16_t>(kMaxName));
  if (!fields.ok() || code == 0 || code > static_cast<uint8_t>(ErrorCode::bug))
    return violation("malformed failed record");
  record.error.code = static_cast<ErrorCode>(code);
  return record;
}

}  // namespace twsync
