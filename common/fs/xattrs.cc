#include "common/fs/xattrs.h"

#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <map>

namespace twsync {

namespace {

using Attributes = std::map<std::string, std::string, std::less<>>;

constexpr std::string_view kCapability = "security.capability";

// Labels, hashes and signatures that mean something under that host's policy and keys alone.
bool is_host_policy(std::string_view name) {
  return name == "security.selinux" || name == "security.apparmor" || name == "security.ima" ||
         name == "security.evm" || name.starts_with("security.SMACK64");
}

bool carried(std::string_view name) {
  if (name.starts_with("user.")) return true;
  if (name == "system.posix_acl_access" || name == "system.posix_acl_default") return true;
  if (geteuid() != 0) return false;
  return name.starts_with("trusted.") || (name.starts_with("security.") && !is_host_policy(name));
}

void put(std::string& out, std::string_view bytes) {
  const auto length = static_cast<uint32_t>(bytes.size());
  for (unsigned shift = 0; shift < 32; shift += 8) out += static_cast<char>(length >> shift);
  out += bytes;
}

bool take(std::string_view& in, std::string& out) {
  if (in.size() < 4) return false;
  uint32_t length = 0;
  for (unsigned i = 0; i < 4; ++i) length |= static_cast<uint32_t>(static_cast<unsigned char>(in[i])) << (8 * i);
  in.remove_prefix(4);
  if (length > in.size()) return false;
  out.assign(in.substr(0, length));
  in.remove_prefix(length);
  return true;
}

bool unsupported(int err) {
  return err == EOPNOTSUPP || err == ENOSYS;
}

// List and values may change size between the two calls of each; ERANGE starts over.
template <class Call>
Result<std::string> read_sized(Call call) {
  for (int tries = 0; tries < 16; ++tries) {
    const ssize_t size = call(nullptr, 0);
    if (size < 0) return error_from_errno(errno, "cannot read extended attributes");
    std::string out(static_cast<size_t>(size), '\0');
    if (size == 0) return out;
    const ssize_t got = call(out.data(), out.size());
    if (got >= 0) {
      out.resize(static_cast<size_t>(got));
      return out;
    }
    if (errno != ERANGE) return error_from_errno(errno, "cannot read extended attributes");
  }
  return Error{ErrorCode::stale, "extended attributes keep changing", {}, 0};
}

Result<Attributes> read_all(const std::string& path, bool follow) {
  Attributes out;
  auto list = read_sized([&](char* data, size_t size) {
    return follow ? listxattr(path.c_str(), data, size) : llistxattr(path.c_str(), data, size);
  });
  if (!list) {
    if (unsupported(list.error().sys_errno)) return out;
    return std::move(list).error();
  }
  for (const char* name = list->data(); name < list->data() + list->size(); name += std::strlen(name) + 1) {
    if (!carried(name)) continue;
    auto value = read_sized([&](char* data, size_t size) {
      return follow ? getxattr(path.c_str(), name, data, size) : lgetxattr(path.c_str(), name, data, size);
    });
    if (value) {
      out.emplace(name, std::move(value).value());
    } else if (value.error().sys_errno != ENODATA) {
      return std::move(value).error();
    }
  }
  return out;
}

}  // namespace

Result<std::string> read_xattrs(const std::string& path, bool follow, XattrUse use) {
  SYNC_ASSIGN(const Attributes attributes, read_all(path, follow));
  std::string out;
  for (const auto& [name, value] : attributes) {
    if (use == XattrUse::keep && name == kCapability) continue;
    put(out, name);
    put(out, value);
  }
  return out;
}

Status write_xattrs(int fd, std::string_view encoded) {
  Attributes wanted;
  while (!encoded.empty()) {
    std::string name;
    std::string value;
    if (!take(encoded, name) || !take(encoded, value) || name.find('\0') != std::string::npos) {
      return Error{ErrorCode::peer_violation, "malformed extended attributes", {}, 0};
    }
    if (carried(name)) wanted.emplace(std::move(name), std::move(value));
  }
  const std::string path = "/proc/self/fd/" + std::to_string(fd);  // also for an O_PATH descriptor
  SYNC_ASSIGN(const Attributes present, read_all(path, true));
  // What is refused of one doesn't cost the others.
  Status first;
  for (const auto& [name, value] : present) {
    if (wanted.contains(name) || removexattr(path.c_str(), name.c_str()) == 0 || errno == ENODATA) continue;
    if (first.ok()) first = error_from_errno(errno, "cannot remove an extended attribute");
  }
  for (const auto& [name, value] : wanted) {
    const auto found = present.find(name);
    if (found != present.end() && found->second == value) continue;
    if (setxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) == 0) continue;
    if (first.ok()) first = error_from_errno(errno, "cannot set an extended attribute");
  }
  return first;
}

}  // namespace twsync
