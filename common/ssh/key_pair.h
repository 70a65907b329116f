#pragma once
// An ed25519 key pair in OpenSSH's formats, and fingerprints.

#include <string>

#include "common/base/result.h"

namespace twsync {

struct KeyPair {
  std::string private_text;  ///< the private key file's content
  std::string public_line;   ///< "ssh-ed25519 AAAA… comment", without a newline
};

Result<KeyPair> generate_key_pair(const std::string& comment);
/// Writes `path` (0600) and `path`.pub (0644), the private half first, each atomically.
Status write_key_pair(const std::string& path, const KeyPair& pair);
/// Renames `from` and `from`.pub to `to` and `to`.pub, the private half first, durably.
Status move_key_pair(const std::string& from, const std::string& to);
/// "SHA256:…" of "type base64 …". corrupt when it is no public key.
Result<std::string> key_fingerprint(const std::string& public_line);

}  // namespace twsync
