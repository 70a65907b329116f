#include "common/ssh/key_pair.h"

#include <cerrno>
#include <cstdio>

#include "common/base/text.h"
#include "common/ssh/ssh_internal.h"
#include "common/ssh/text_file.h"

namespace twsync {

namespace {

Status rename_file(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) return error_from_errno(errno, "cannot put the new key in place", to);
  return sync_directory_of(to);
}

}  // namespace

Result<KeyPair> generate_key_pair(const std::string& comment) {
  const Error failed{ErrorCode::io, "cannot generate an ed25519 key", {}, 0};
  ssh_key raw_key = nullptr;
  if (ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &raw_key) != SSH_OK) return failed;
  const KeyHandle key(raw_key);
  char* text = nullptr;
  if (ssh_pki_export_privkey_base64(key.get(), nullptr, nullptr, nullptr, &text) != SSH_OK) return failed;
  const SshText private_text(text);
  if (ssh_pki_export_pubkey_base64(key.get(), &text) != SSH_OK) return failed;
  const SshText public_text(text);
  return KeyPair{private_text.get(), str("ssh-ed25519 ", public_text.get(), " ", comment)};
}

Status write_key_pair(const std::string& path, const KeyPair& pair) {
  SYNC_TRY(write_text_file(path, pair.private_text, 0600));
  return write_text_file(path + ".pub", str(pair.public_line, "\n"), 0644);
}

Status move_key_pair(const std::string& from, const std::string& to) {
  SYNC_TRY(rename_file(from, to));
  return rename_file(from + ".pub", to + ".pub");
}

Result<std::string> key_fingerprint(const std::string& public_line) {
  const Error broken{ErrorCode::corrupt, "this is no public key", public_line, 0};
  const size_t first = public_line.find(' ');
  if (first == std::string::npos) return broken;
  const std::string type = public_line.substr(0, first);
  const std::string base64 = public_line.substr(first + 1, public_line.find_first_of(" \r\n", first + 1) - first - 1);
  ssh_key raw_key = nullptr;
  if (ssh_pki_import_pubkey_base64(base64.c_str(), ssh_key_type_from_name(type.c_str()), &raw_key) != SSH_OK)
    return broken;
  const KeyHandle key(raw_key);
  unsigned char* hash = nullptr;
  size_t size = 0;
  if (ssh_get_publickey_hash(key.get(), SSH_PUBLICKEY_HASH_SHA256, &hash, &size) != 0) return broken;
  const SshText text(ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, size));
  ssh_clean_pubkey_hash(&hash);
  if (!text) return broken;
  return std::string(text.get());
}

}  // namespace twsync
