#pragma once
// Little-endian numbers of the lists that are kept on disk.

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace twsync {

template <class T>
void put_number(std::string& out, T value) {
  char bytes[sizeof(T)];
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(bytes, &value, sizeof value);
  } else {
    for (size_t i = 0; i < sizeof(T); ++i) bytes[i] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * i));
  }
  out.append(bytes, sizeof bytes);
}

/// One after the other, in one piece.
template <size_t count>
void put_numbers(std::string& out, const std::array<uint64_t, count>& values) {
  if constexpr (std::endian::native == std::endian::little) {
    out.append(reinterpret_cast<const char*>(values.data()), sizeof values);
  } else {
    for (const uint64_t value : values) put_number(out, value);
  }
}

/// REQUIRES: `in` holds that many bytes.
template <class T>
T take_number(std::string_view& in) {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value |= uint64_t{static_cast<unsigned char>(in[i])} << (8 * i);
  in.remove_prefix(sizeof(T));
  return static_cast<T>(value);
}

}  // namespace twsync
