#include "producers/cli/library_versions.h"

#include <CLI/Version.hpp>
#include <libssh/libssh.h>
#include <msgpack/version.hpp>
#include <spdlog/version.h>
#include <sqlite3.h>
#include <xxhash.h>
#include <zmq.h>
#include <zstd.h>

#include "common/base/text.h"

namespace twsync {

namespace {

std::string dotted(int major, int minor, int patch) {
  return str(major, ".", minor, ".", patch);
}

std::string zmq_text() {
  int major = 0, minor = 0, patch = 0;
  ::zmq_version(&major, &minor, &patch);
  return dotted(major, minor, patch);
}

std::string ssh_text() {
  const std::string all = ::ssh_version(0);  // "0.10.6/openssl/zlib"
  return all.substr(0, all.find('/'));
}

}  // namespace

std::string library_versions() {
  return str("  libzmq ", zmq_text(), "\n  libssh ", ssh_text(), "\n  SQLite ", ::sqlite3_libversion(), "\n  zstd ",
             ::ZSTD_versionString(), "\n  xxHash ", dotted(XXH_VERSION_MAJOR, XXH_VERSION_MINOR, XXH_VERSION_RELEASE),
             "\n  msgpack ", MSGPACK_VERSION, "\n  spdlog ",
             dotted(SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH), "\n  CLI11 ", CLI11_VERSION, "\n");
}

}  // namespace twsync
