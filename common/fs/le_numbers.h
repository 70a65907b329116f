#pragma once
// Little-endian numbers of the lists that are kept on disk.

#include <cstdint>
#include <string>
#include <string_view>

namespace twsync {

template <class T>
void put_number(std::string& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(static_cast<uint64_t>(value) >> (8 * i));
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
