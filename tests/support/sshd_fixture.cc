#include "tests/support/sshd_fixture.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/base/check.h"
#include "common/base/text.h"

namespace twsync {

namespace {

void run_script(const std::string& arguments) {
  const std::string command = str("bash ", SYNC_TEST_SUPPORT_DIR, "/sshd.sh ", arguments);
  SYNC_CHECK(std::system(command.c_str()) == 0, command.c_str());
}

/// A port that nobody uses on this address now. The address is this process's own, so it stays free.
int free_port(const std::string& address, unsigned long host_order) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(static_cast<uint32_t>(host_order));
  socklen_t size = sizeof name;
  SYNC_CHECK(::bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof name) == 0, address.c_str());
  SYNC_CHECK(::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) == 0, "getsockname");
  ::close(fd);
  return ntohs(name.sin_port);
}

}  // namespace

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

void write_file(const std::string& path, const std::string& text, unsigned mode) {
  std::ofstream(path, std::ios::binary) << text;
  SYNC_CHECK(::chmod(path.c_str(), static_cast<mode_t>(mode)) == 0, path.c_str());
}

SshdFixture::SshdFixture(std::vector<std::string> options) {
  std::string directory = str(std::filesystem::temp_directory_path().string(), "/twsync-sshd-XXXXXX");
  SYNC_CHECK(::mkdtemp(directory.data()) != nullptr, "mkdtemp");
  dir_ = directory;
  const auto pid = static_cast<unsigned>(::getpid());
  const unsigned high = pid >> 8U & 0xFFU, low = (pid & 0xFFU) | 1U;
  address_ = str("127.66.", high, ".", low);
  port_ = free_port(address_, 127UL << 24U | 66UL << 16U | static_cast<unsigned long>(high) << 8U | low);
  start(options);
}

SshdFixture::~SshdFixture() {
  stop();
  std::error_code ignored;
  std::filesystem::remove_all(dir_, ignored);
}

void SshdFixture::start(const std::vector<std::string>& options) {
  std::string arguments = str("start ", dir_, " ", address_, " ", port_);
  for (const std::string& option : options) arguments += str(" \"", option, "\"");
  run_script(arguments);
}

void SshdFixture::stop() {
  run_script(str("stop ", dir_));
}

void SshdFixture::restart(std::vector<std::string> options) {
  stop();
  start(options);
}

void SshdFixture::make_new_host_key() {
  const std::string known = read_file(dir_ + "/known_hosts");
  std::filesystem::remove(dir_ + "/host_key");
  std::filesystem::remove(dir_ + "/host_key.pub");
  restart();
  write_file(dir_ + "/known_hosts", known);
}

SshTarget SshdFixture::target() const {
  SshTarget target;
  target.host = address_;
  target.port = static_cast<uint16_t>(port_);
  target.key_file = dir_ + "/client_key";
  target.known_hosts = dir_ + "/known_hosts";
  target.use_agent = false;
  target.default_keys.clear();
  return target;
}

std::vector<pid_t> SshdFixture::session_pids() const {
  const std::string parent = str(std::atol(read_file(dir_ + "/sshd.pid").c_str()));
  std::vector<pid_t> pids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string stat = read_file(entry.path().string() + "/stat");
    const size_t end = stat.rfind(')');
    if (end == std::string::npos) continue;
    std::istringstream fields(stat.substr(end + 1));
    std::string state, ppid;
    fields >> state >> ppid;
    if (ppid == parent) pids.push_back(static_cast<pid_t>(std::atol(entry.path().filename().c_str())));
  }
  return pids;
}

}  // namespace twsync
