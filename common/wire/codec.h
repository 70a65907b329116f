#pragma once
// Values <-> msgpack arrays, the only user of msgpack. A message struct opts in with
//
//   template <class F> void fields(F&& f) { f(a, b, c); }
//
// and is sent as the array [a, b, c]. Decoding: fewer elements than fields = the rest keep their defaults, more are
// ignored (PROTOCOL.md, evolution). Every decode has hard limits (depth 16, bounded sizes); bad input is
// ErrorCode::peer_violation, never an exception, never a crash.

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/base/digest.h"
#include "common/base/hasher.h"
#include "common/base/name.h"
#include "common/base/result.h"

namespace twsync {

/// Appends msgpack to a buffer.
class Writer {
 public:
  void array(size_t count);
  void nil();
  void boolean(bool value);
  void unsigned_int(uint64_t value);
  void signed_int(int64_t value);
  void bytes(std::string_view value);  ///< msgpack bin
  std::string take() { return std::move(out_); }
  const std::string& view() const { return out_; }

 private:
  std::string out_;
};

/// Walks a decoded message. After the first mismatch ok() is false and every read yields a default.
class Reader {
 public:
  explicit Reader(std::string_view data);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  bool ok() const { return ok_; }
  void fail() { ok_ = false; }
  /// Enters an array and returns its element count; leave() goes past whatever was not read.
  size_t enter();
  void leave();
  bool more() const;  ///< elements left in the current array
  bool nil();         ///< consumes a nil and returns true, else consumes nothing
  bool boolean();
  uint64_t unsigned_int();
  int64_t signed_int();
  std::string_view bytes();  ///< valid as long as the input

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  bool ok_ = true;
};

namespace codec_detail {
struct Probe {
  template <class... T>
  void operator()(T&...) {}
};
template <class T>
concept Message = requires(T& value) {
  value.fields(Probe{});
};
template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
}  // namespace codec_detail

template <class T>
void write_value(Writer& w, const T& value);
template <class T>
void read_value(Reader& r, T& value);

// Model values that have no fields() of their own (they know nothing of the wire) are listed in model_codec.h.
template <class T>
struct WireFields;  // specialise: static void fields(T&, F&&)

template <class T>
concept HasWireFields = requires(T& value) {
  WireFields<T>::fields(value, codec_detail::Probe{});
};

template <class T, class F>
void visit_fields(T& value, F&& f) {
  if constexpr (codec_detail::Message<T>) {
    value.fields(f);
  } else {
    WireFields<T>::fields(value, f);
  }
}

template <class T>
void write_value(Writer& w, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    w.boolean(value);
  } else if constexpr (std::is_enum_v<T>) {
    w.unsigned_int(static_cast<uint64_t>(value));
  } else if constexpr (std::is_unsigned_v<T>) {
    w.unsigned_int(value);
  } else if constexpr (std::is_integral_v<T>) {
    w.signed_int(value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    w.bytes(value);
  } else if constexpr (std::is_same_v<T, Name>) {
    w.bytes(value.str());
  } else if constexpr (std::is_same_v<T, HashKey>) {
    w.bytes({reinterpret_cast<const char*>(value.data()), value.size()});
  } else if constexpr (codec_detail::IsVector<T>::value) {
    w.array(value.size());
    for (const auto& item : value) write_value(w, item);
  } else if constexpr (codec_detail::IsOptional<T>::value) {
    if (value) {
      write_value(w, *value);
    } else {
      w.nil();
    }
  } else {
    visit_fields(const_cast<T&>(value), [&w](auto&... field) {
      w.array(sizeof...(field));
      (write_value(w, field), ...);
    });
  }
}

template <class T>
void read_value(Reader& r, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    value = r.boolean();
  } else if constexpr (std::is_enum_v<T>) {
    using Raw = std::underlying_type_t<T>;
    const uint64_t raw = r.unsigned_int();
    if (raw > static_cast<uint64_t>(std::numeric_limits<Raw>::max())) r.fail();
    value = static_cast<T>(static_cast<Raw>(raw));
  } else if constexpr (std::is_unsigned_v<T>) {
    const uint64_t raw = r.unsigned_int();
    if (raw > std::numeric_limits<T>::max()) r.fail();
    value = static_cast<T>(raw);
  } else if constexpr (std::is_integral_v<T>) {
    const int64_t raw = r.signed_int();
    if (raw > std::numeric_limits<T>::max() || raw < std::numeric_limits<T>::min()) r.fail();
    value = static_cast<T>(raw);
  } else if constexpr (std::is_same_v<T, std::string>) {
    value = r.bytes();
  } else if constexpr (std::is_same_v<T, Name>) {
    value = Name(r.bytes());
  } else if constexpr (std::is_same_v<T, HashKey>) {
    const std::string_view raw = r.bytes();
    if (raw.size() != value.size()) {
      r.fail();
    } else {
      std::copy(raw.begin(), raw.end(), value.begin());
    }
  } else if constexpr (codec_detail::IsVector<T>::value) {
    const size_t count = r.enter();
    value.clear();
    value.reserve(count);
    for (size_t i = 0; i < count && r.ok(); ++i) read_value(r, value.emplace_back());
    r.leave();
  } else if constexpr (codec_detail::IsOptional<T>::value) {
    if (r.nil()) {
      value.reset();
    } else {
      read_value(r, value.emplace());
    }
  } else {
    r.enter();
    visit_fields(value, [&r](auto&... field) {
      const auto read_one = [&r](auto& one) {
        if (r.ok() && r.more()) read_value(r, one);
      };
      (read_one(field), ...);
    });
    r.leave();
  }
}

template <class T>
std::string encode(const T& value) {
  Writer w;
  write_value(w, value);
  return w.take();
}

/// ErrorCode::peer_violation when the bytes are not such a message.
template <class T>
Result<T> decode(std::string_view data) {
  Reader r(data);
  T value{};
  if (r.ok()) read_value(r, value);
  if (!r.ok()) return Error{ErrorCode::peer_violation, "malformed message", {}, 0};
  return value;
}

}  // namespace twsync
