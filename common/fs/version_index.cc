// Text of the version index:
//
//   v1 TAB id TAB time_ns TAB cause TAB kind TAB mode TAB size TAB mtime_ns TAB inode TAB digest TAB epoch TAB cycle
//      TAB path TAB target TAB check
//
// Numbers are decimal, the digest is "algorithm:high:low" in hex ("-" when unknown), path and target have bytes up to
// 0x20, '%' and 0x7f written as %XX; check = stable_hash64 of everything before it, in hex.

#include <array>
#include <charconv>

#include "common/base/hasher.h"
#include "common/base/text.h"
#include "common/fs/version_store.h"

namespace twsync {

namespace {

constexpr size_t kFields = 15;

std::string escape(std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte != '%' && byte != 0x7f) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    }
  }
  return out;
}

bool unescape(std::string_view text, std::string& out) {
  out.clear();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    std::string byte;
    if (i + 2 >= text.size() || !hex_decode(text.substr(i + 1, 2), byte)) return false;
    out += byte;
    i += 2;
  }
  return true;
}

std::string hex64(uint64_t value) {
  char buffer[17];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, 16).ptr;
  return std::string(buffer, end);
}

template <class T>
bool parse(std::string_view text, T& out, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

template <class T>
bool parse_enum(std::string_view text, T& out, T last) {
  uint8_t raw = 0;
  if (!parse(text, raw) || raw > static_cast<uint8_t>(last)) return false;
  out = static_cast<T>(raw);
  return true;
}

bool parse_digest(std::string_view text, Digest& out) {
  if (text == "-") return true;
  const size_t first = text.find(':');
  const size_t second = text.find(':', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return false;
  return parse_enum(text.substr(0, first), out.algorithm, DigestAlgorithm::xxh3_128_keyed) &&
         parse(text.substr(first + 1, second - first - 1), out.high, 16) && parse(text.substr(second + 1), out.low, 16);
}

bool split(std::string_view line, std::array<std::string_view, kFields>& fields) {
  for (size_t i = 0; i < kFields; ++i) {
    const size_t tab = line.find('\t');
    if ((tab == std::string_view::npos) != (i + 1 == kFields)) return false;
    fields[i] = line.substr(0, tab);
    if (tab != std::string_view::npos) line.remove_prefix(tab + 1);
  }
  return true;
}

}  // namespace

std::string format_version_line(const VersionRecord& record) {
  const Entry& e = record.entry;
  const std::string digest =
      e.digest.known() ? str(static_cast<int>(e.digest.algorithm), ':', hex64(e.digest.high), ':', hex64(e.digest.low))
                       : std::string("-");
  std::string line =
      str("v1\t", record.id, '\t', record.time_ns, '\t', static_cast<int>(record.cause), '\t', static_cast<int>(e.kind),
          '\t', e.mode, '\t', e.size, '\t', e.mtime_ns, '\t', e.stamp.inode, '\t', digest, '\t', record.epoch, '\t',
          record.cycle, '\t', escape(record.path), '\t', escape(e.target), '\t');
  return line + hex64(stable_hash64(line));
}

Result<VersionRecord> parse_version_line(std::string_view line) {
  const Error corrupt{ErrorCode::corrupt, "damaged line in the version index", {}, 0};
  std::array<std::string_view, kFields> f;
  if (!split(line, f) || f[0] != "v1") return corrupt;
  if (f[14] != hex64(stable_hash64(line.substr(0, line.size() - f[14].size())))) return corrupt;
  VersionRecord record;
  Entry& e = record.entry;
  record.id = f[1];
  const bool ok = parse(f[2], record.time_ns) && parse_enum(f[3], record.cause, LoserCause::foreign) &&
                  parse_enum(f[4], e.kind, Kind::other) && parse(f[5], e.mode) && parse(f[6], e.size) &&
                  parse(f[7], e.mtime_ns) && parse(f[8], e.stamp.inode) && parse_digest(f[9], e.digest) &&
                  parse(f[10], record.epoch) && parse(f[11], record.cycle) && unescape(f[12], record.path) &&
                  unescape(f[13], e.target);
  if (!ok || record.id.empty() || record.id.find('/') != std::string::npos || record.id[0] == '.') return corrupt;
  e.stamp.size = e.size;
  e.stamp.mtime_ns = e.mtime_ns;
  return record;
}

}  // namespace twsync
