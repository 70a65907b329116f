#include "common/wire/codec.h"

#include <msgpack.hpp>

namespace twsync {

namespace {

// Appends to the std::string of a Writer; msgpack::packer wants a stream-like object.
struct StringBuffer {
  std::string& out;
  void write(const char* data, size_t size) { out.append(data, size); }
};

using Packer = msgpack::packer<StringBuffer>;

constexpr size_t kMaxElements = 4'000'000;
constexpr size_t kMaxBytes = 64U << 20U;
constexpr size_t kMaxDepth = 16;

bool reference_everything(msgpack::type::object_type, std::size_t, void*) {
  return true;
}

}  // namespace

void Writer::array(size_t count) {
  StringBuffer b{out_};
  Packer(b).pack_array(static_cast<uint32_t>(count));
}
void Writer::nil() {
  StringBuffer b{out_};
  Packer(b).pack_nil();
}
void Writer::boolean(bool value) {
  StringBuffer b{out_};
  value ? Packer(b).pack_true() : Packer(b).pack_false();
}
void Writer::unsigned_int(uint64_t value) {
  StringBuffer b{out_};
  Packer(b).pack_uint64(value);
}
void Writer::signed_int(int64_t value) {
  StringBuffer b{out_};
  Packer(b).pack_int64(value);
}
void Writer::bytes(std::string_view value) {
  StringBuffer b{out_};
  Packer packer(b);
  packer.pack_bin(static_cast<uint32_t>(value.size()));
  packer.pack_bin_body(value.data(), static_cast<uint32_t>(value.size()));
}

struct Reader::Impl {
  struct Level {
    const msgpack::object* items = nullptr;
    uint32_t count = 0;
    uint32_t next = 0;
  };
  msgpack::object_handle handle;
  const msgpack::object* root = nullptr;
  std::vector<Level> levels;

  // The next value: the root once, then the elements of the innermost array.
  const msgpack::object* peek() const {
    if (levels.empty()) return root;
    const Level& level = levels.back();
    return level.next < level.count ? level.items + level.next : nullptr;
  }
  void advance() {
    if (levels.empty()) {
      root = nullptr;
    } else {
      ++levels.back().next;
    }
  }
};

Reader::Reader(std::string_view data) : impl_(std::make_unique<Impl>()) {
  try {
    std::size_t offset = 0;
    impl_->handle = msgpack::unpack(data.data(), data.size(), offset, reference_everything, nullptr,
                                    msgpack::unpack_limit(kMaxElements, 0, 0, kMaxBytes, 0, kMaxDepth));
    impl_->root = &impl_->handle.get();
    ok_ = offset == data.size();
  } catch (const std::exception&) {
    ok_ = false;
  }
}

Reader::~Reader() = default;

size_t Reader::enter() {
  const msgpack::object* value = ok_ ? impl_->peek() : nullptr;
  if (value == nullptr || value->type != msgpack::type::ARRAY) {
    ok_ = false;
    return 0;
  }
  impl_->levels.push_back({value->via.array.ptr, value->via.array.size, 0});
  return value->via.array.size;
}

void Reader::leave() {
  if (!ok_ || impl_->levels.empty()) {
    ok_ = false;
    return;
  }
  impl_->levels.pop_back();
  impl_->advance();
}

bool Reader::more() const {
  return ok_ && impl_->peek() != nullptr;
}

bool Reader::nil() {
  const msgpack::object* value = ok_ ? impl_->peek() : nullptr;
  if (value == nullptr || value->type != msgpack::type::NIL) return false;
  impl_->advance();
  return true;
}

bool Reader::boolean() {
  const msgpack::object* value = ok_ ? impl_->peek() : nullptr;
  if (value == nullptr || value->type != msgpack::type::BOOLEAN) {
    ok_ = false;
    return false;
  }
  impl_->advance();
  return value->via.boolean;
}

uint64_t Reader::unsigned_int() {
  const msgpack::object* value = ok_ ? impl_->peek() : nullptr;
  if (value == nullptr || value->type != msgpack::type::POSITIVE_INTEGER) {
    ok_ = false;
    return 0;
  }
  impl_->advance();
  return value->via.u64;
}

int64_t Reader::signed_int() {
  const msgpack::object* value = ok_ ? impl_->peek() : nullptr;
  const bool positive = value != nullptr && value->type == msgpack::type::POSITIVE_INTEGER &&
                        value->via.u64 <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (!positive && (value == nullptr || value->type != msgpack::type::NEGATIVE_INTEGER)) {
    ok_ = false;
    return 0;
  }
  impl_->advance();
  return positive ? static_cast<int64_t>(value->via.u64) : value->via.i64;
}

std::string_view Reader::bytes() {
  const msgpack::object* value = ok_ ? impl_->peek() : nullptr;
  if (value == nullptr || value->type != msgpack::type::BIN) {
    ok_ = false;
    return {};
  }
  impl_->advance();
  return {value->via.bin.ptr, value->via.bin.size};
}

}  // namespace twsync
