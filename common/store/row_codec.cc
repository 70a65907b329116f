#include <cstring>

#include "common/store/base_store.h"

namespace twsync {

namespace {

constexpr unsigned char kRowSchema = 3;
constexpr size_t kUsualRow = 256;
constexpr unsigned char kApart = 1;  // bit of a side's flags

class Out {
 public:
  Out() { bytes_.reserve(kUsualRow); }
  template <class T>
  void number(T value) {
    char bytes[sizeof(T)];
    for (unsigned i = 0; i < sizeof(T); ++i) bytes[i] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * i));
    bytes_.append(bytes, sizeof(T));
  }
  void text(std::string_view value) {
    number(static_cast<uint32_t>(value.size()));
    bytes_ += value;
  }
  void side(const SideRecord& r) {
    number(r.stamp.inode);
    number(r.stamp.size);
    number(r.stamp.mtime_ns);
    number(r.stamp.ctime_ns);
    number(r.mode);
    number(r.links);
    number(static_cast<uint8_t>(r.apart ? kApart : 0));
    text(r.owner.str());
    text(r.group.str());
    text(r.xattrs.str());
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class In {
 public:
  explicit In(std::string_view bytes) : left_(bytes) {}
  template <class T>
  T number() {
    if (left_.size() < sizeof(T)) {
      ok_ = false;
      return T{};
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < sizeof(T); ++i)
      value |= static_cast<uint64_t>(static_cast<unsigned char>(left_[i])) << (8 * i);
    left_.remove_prefix(sizeof(T));
    return static_cast<T>(value);
  }
  std::string_view text() {
    const auto size = number<uint32_t>();
    if (size > left_.size()) {
      ok_ = false;
      return {};
    }
    const auto value = left_.substr(0, size);
    left_.remove_prefix(size);
    return value;
  }
  // Interning takes a lock and a hash; neighbouring rows mostly carry the name that is there already.
  void name(Name& value) {
    const auto bytes = text();
    if (value.str() != bytes) value = Name(bytes);
  }
  void side(SideRecord& r) {
    stamp_and_mode(r);
    r.links = number<uint32_t>();
    r.apart = (number<uint8_t>() & kApart) != 0;
    name(r.owner);
    name(r.group);
    name(r.xattrs);
  }
  // Schemas 1 and 2 knew links and xattrs only of both sides together.
  void side_before_schema_3(SideRecord& r, const Entry& agreed) {
    stamp_and_mode(r);
    name(r.owner);
    name(r.group);
    r.links = agreed.links;
    r.apart = false;
    r.xattrs = agreed.xattrs;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return left_.empty(); }

 private:
  void stamp_and_mode(SideRecord& r) {
    r.stamp.inode = number<uint64_t>();
    r.stamp.size = number<uint64_t>();
    r.stamp.mtime_ns = number<int64_t>();
    r.stamp.ctime_ns = number<int64_t>();
    r.mode = number<uint32_t>();
  }

  std::string_view left_;
  bool ok_ = true;
};

}  // namespace

std::string encode_row(const BaseRow& row) {
  Out out;
  const Entry& e = row.agreed;
  out.number(kRowSchema);
  out.number(static_cast<uint8_t>(e.kind));
  out.number(e.mode);
  out.number(e.links);
  out.number(e.uid);
  out.number(e.gid);
  out.number(e.size);
  out.number(e.mtime_ns);
  out.number(static_cast<uint8_t>(e.digest.algorithm));
  out.number(e.digest.high);
  out.number(e.digest.low);
  out.text(e.owner.str());
  out.text(e.group.str());
  out.text(e.xattrs.str());
  out.text(e.target);
  out.side(row.code);
  out.side(row.deploy);
  out.number(row.round);
  return out.take();
}

Status decode_row(std::string_view bytes, BaseRow& row) {
  In in(bytes);
  Entry& e = row.agreed;
  const auto schema = in.number<uint8_t>();
  const auto kind = in.number<uint8_t>();
  e.mode = in.number<uint32_t>();
  e.links = in.number<uint32_t>();
  e.uid = in.number<uint32_t>();
  e.gid = in.number<uint32_t>();
  e.size = in.number<uint64_t>();
  e.mtime_ns = in.number<int64_t>();
  const auto algorithm = in.number<uint8_t>();
  e.digest.high = in.number<uint64_t>();
  e.digest.low = in.number<uint64_t>();
  in.name(e.owner);
  in.name(e.group);
  in.name(e.xattrs);
  e.target.assign(in.text());
  for (SideRecord* record : {&row.code, &row.deploy}) {
    schema < 3 ? in.side_before_schema_3(*record, e) : in.side(*record);
  }
  row.round = schema >= 2 ? in.number<uint32_t>() : 0;
  if (!in.ok() || !in.at_end() || schema == 0 || schema > kRowSchema || kind == 0 || kind > 3 || algorithm > 1) {
    return Error{ErrorCode::corrupt, "base row is damaged", row.path, 0};
  }
  e.kind = static_cast<Kind>(kind);
  e.digest.algorithm = static_cast<DigestAlgorithm>(algorithm);
  return {};
}

}  // namespace twsync
