// cut_host boot DIR NAME                     host NAME (files in DIR) was started at this moment
// cut_host on DIR NAME SECONDS COMMAND...    runs COMMAND in this process, seeing that host's boot id and boot time;
//                                            SIGALRM after so many seconds, 0 = never
//
// One process where unshare, sh and two mounts would be five: thousands of commands run so.

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

namespace {

constexpr const char* kBootId = "/proc/sys/kernel/random/boot_id";
constexpr const char* kStat = "/proc/stat";

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  return static_cast<bool>(file.flush());
}

int fail(const char* what) {
  std::cerr << "cut_host: " << what << ": " << std::strerror(errno) << '\n';
  return 125;
}

int boot(const std::string& host) {
  std::string stat = read(kStat);
  const size_t from = stat.find("btime ");
  if (from == std::string::npos) return fail(kStat);
  stat.replace(from, stat.find('\n', from) - from, "btime " + std::to_string(std::time(nullptr)));
  if (!write(host + ".boot", read("/proc/sys/kernel/random/uuid"))) return fail("boot id");
  if (!write(host + ".stat", stat)) return fail("boot time");
  return 0;
}

int run_on(const std::string& host, unsigned seconds, char** command) {
  if (::unshare(CLONE_NEWNS) != 0) return fail("unshare");
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return fail("private mounts");
  if (::mount((host + ".boot").c_str(), kBootId, nullptr, MS_BIND, nullptr) != 0) return fail("boot id");
  if (::mount((host + ".stat").c_str(), kStat, nullptr, MS_BIND, nullptr) != 0) return fail("boot time");
  ::alarm(seconds);
  ::execvp(command[0], command);
  return fail(command[0]);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string word = argc > 3 ? argv[1] : "";
  if (word != "boot" && (word != "on" || argc < 6)) {
    std::cerr << "usage: cut_host boot DIR NAME | on DIR NAME SECONDS COMMAND...\n";
    return 2;
  }
  const std::string host = std::string(argv[2]) + "/" + argv[3];
  if (word == "boot") return boot(host);
  return run_on(host, static_cast<unsigned>(std::atoi(argv[4])), argv + 5);
}
