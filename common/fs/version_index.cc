// Text of the version index; FORMAT.md, "versions/index". Lines of an id, each ended by `check` = stable_hash64 of
// everything before it, in hex; fields separated by TAB:
//
//   v2 id time_ns how cause kind mode size mtime_ns inode digest epoch cycle uid gid path target owner group xattrs
//      stored copy check
//   s1 id stored check                      what lies under the id, once it does
//   v1 id time_ns cause kind mode size mtime_ns inode digest epoch cycle path target check        (read only)
//
// Numbers are decimal, the digest is "algorithm:high:low" in hex, `stored` is "inode:size:mtime_ns:ctime_ns"; "-" =
// not known. Text has bytes up to 0x20, '%' and 0x7f written as %XX.

#include <array>
#include <charconv>
#include <optional>
#include <span>

#include "common/base/hasher.h"
#include "common/base/text.h"
#include "common/fs/version_store.h"

namespace twsync {

namespace {

constexpr size_t kFieldsV1 = 15;
constexpr size_t kFieldsV2 = 23;
constexpr size_t kFieldsSettled = 4;

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

bool parse_stamp(std::string_view text, Stamp& out) {
  if (text == "-") return true;
  std::array<std::string_view, 4> f;
  for (size_t i = 0; i < f.size(); ++i) {
    const size_t colon = text.find(':');
    if ((colon == std::string_view::npos) != (i + 1 == f.size())) return false;
    f[i] = text.substr(0, colon);
    if (colon != std::string_view::npos) text.remove_prefix(colon + 1);
  }
  return parse(f[0], out.inode) && parse(f[1], out.size) && parse(f[2], out.mtime_ns) && parse(f[3], out.ctime_ns);
}

std::string digest_text(const Digest& digest) {
  if (!digest.known()) return "-";
  return str(static_cast<int>(digest.algorithm), ':', hex64(digest.high), ':', hex64(digest.low));
}

std::string stamp_text(const Stamp& stamp) {
  if (stamp == Stamp{}) return "-";
  return str(stamp.inode, ':', stamp.size, ':', stamp.mtime_ns, ':', stamp.ctime_ns);
}

std::string checked(std::string line) {
  return line + hex64(stable_hash64(line));
}

// True when the line has exactly these fields and its check fits.
bool split(std::string_view line, std::span<std::string_view> fields) {
  const std::string_view whole = line;
  for (size_t i = 0; i < fields.size(); ++i) {
    const size_t tab = line.find('\t');
    if ((tab == std::string_view::npos) != (i + 1 == fields.size())) return false;
    fields[i] = line.substr(0, tab);
    if (tab != std::string_view::npos) line.remove_prefix(tab + 1);
  }
  return fields.back() == hex64(stable_hash64(whole.substr(0, whole.size() - fields.back().size())));
}

bool is_id(std::string_view text) {
  return !text.empty() && text.find('/') == std::string_view::npos && text[0] != '.';
}

Error damaged() {
  return Error{ErrorCode::corrupt, "damaged line in the version index", {}, 0};
}

bool parse_v1(std::string_view line, VersionRecord& record) {
  std::array<std::string_view, kFieldsV1> f;
  if (!split(line, f)) return false;
  Entry& e = record.entry;
  record.id = f[1];
  return parse(f[2], record.time_ns) && parse_enum(f[3], record.cause, LoserCause::foreign) &&
         parse_enum(f[4], e.kind, Kind::other) && parse(f[5], e.mode) && parse(f[6], e.size) &&
         parse(f[7], e.mtime_ns) && parse(f[8], e.stamp.inode) && parse_digest(f[9], e.digest) &&
         parse(f[10], record.epoch) && parse(f[11], record.cycle) && unescape(f[12], record.path) &&
         unescape(f[13], e.target);
}

bool unescape_name(std::string_view text, Name& out) {
  std::string bytes;
  if (!unescape(text, bytes)) return false;
  out = Name(bytes);
  return true;
}

bool parse_v2(std::string_view line, VersionRecord& record) {
  std::array<std::string_view, kFieldsV2> f;
  if (!split(line, f)) return false;
  Entry& e = record.entry;
  record.id = f[1];
  if (f[21] != "-") record.copy = f[21];
  return parse(f[2], record.time_ns) && parse_enum(f[3], record.how, Displaced::removed) &&
         parse_enum(f[4], record.cause, LoserCause::late_write) && parse_enum(f[5], e.kind, Kind::other) &&
         parse(f[6], e.mode) && parse(f[7], e.size) && parse(f[8], e.mtime_ns) && parse(f[9], e.stamp.inode) &&
         parse_digest(f[10], e.digest) && parse(f[11], record.epoch) && parse(f[12], record.cycle) &&
         parse(f[13], e.uid) && parse(f[14], e.gid) && unescape(f[15], record.path) && unescape(f[16], e.target) &&
         unescape_name(f[17], e.owner) && unescape_name(f[18], e.group) && unescape_name(f[19], e.xattrs) &&
         parse_stamp(f[20], record.stored) && (record.copy.empty() || is_id(record.copy));
}

}  // namespace

std::string format_version_line(const VersionRecord& record) {
  const Entry& e = record.entry;
  return checked(str("v2\t", record.id, '\t', record.time_ns, '\t', static_cast<int>(record.how), '\t',
                     static_cast<int>(record.cause), '\t', static_cast<int>(e.kind), '\t', e.mode, '\t', e.size, '\t',
                     e.mtime_ns, '\t', e.stamp.inode, '\t', digest_text(e.digest), '\t', record.epoch, '\t',
                     record.cycle, '\t', e.uid, '\t', e.gid, '\t', escape(record.path), '\t', escape(e.target), '\t',
                     escape(e.owner.str()), '\t', escape(e.group.str()), '\t', escape(e.xattrs.str()), '\t',
                     stamp_text(record.stored), '\t', record.copy.empty() ? "-" : record.copy.c_str(), '\t'));
}

Result<VersionRecord> parse_version_line(std::string_view line) {
  VersionRecord record;
  const bool ok =
      line.starts_with("v2\t") ? parse_v2(line, record) : line.starts_with("v1\t") && parse_v1(line, record);
  if (!ok || !is_id(record.id)) return damaged();
  record.entry.stamp.size = record.entry.size;
  record.entry.stamp.mtime_ns = record.entry.mtime_ns;
  return record;
}

std::string format_settled_line(const SettledVersion& settled) {
  return checked(str("s1\t", settled.id, '\t', stamp_text(settled.stored), '\t'));
}

Result<SettledVersion> parse_settled_line(std::string_view line) {
  std::array<std::string_view, kFieldsSettled> f;
  SettledVersion settled;
  if (!line.starts_with("s1\t") || !split(line, f) || !is_id(f[1]) || !parse_stamp(f[2], settled.stored))
    return damaged();
  settled.id = f[1];
  return settled;
}

}  // namespace twsync
