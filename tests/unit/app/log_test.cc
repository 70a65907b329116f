#include "common/app/log.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "temp_dir.h"

namespace twsync {
namespace {

TEST(Log, writes_levels_and_no_raw_control_bytes) {
  TempDir dir;
  LogOptions options;
  options.name = "test";
  options.file = dir / "logs/x.log";
  ASSERT_TRUE(open_log(options).ok());
  log_info("path ", "a\nb{}%s", " n ", 3);
  log_debug("hidden");
  close_log();
  log_info("after");

  const std::string text = dir.read("logs/x.log");
  EXPECT_NE(text.find(" info test["), std::string::npos) << text;
  EXPECT_NE(text.find("path a\\x0ab{}%s n 3\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("hidden"), std::string::npos);
  EXPECT_EQ(text.find("after"), std::string::npos);
}

TEST(Log, rotates) {
  TempDir dir;
  LogOptions options;
  options.name = "test";
  options.file = dir / "x.log";
  options.max_bytes = 1000;
  options.keep = 2;
  ASSERT_TRUE(open_log(options).ok());
  for (int i = 0; i < 200; ++i) log_info("line ", i, " with some text to fill it");
  close_log();
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
    ++files;
    EXPECT_LE(entry.file_size(), 1000u);
  }
  EXPECT_EQ(files, 3u);
}

TEST(Log, the_journal_gets_fields) {
  TempDir dir;
  const std::string socket_path = dir / "journal";
  const int listener = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket_path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  struct stat info {};
  ASSERT_EQ(::fstat(STDERR_FILENO, &info), 0);
  ::setenv("JOURNAL_STREAM", str(info.st_dev, ":", info.st_ino).c_str(), 1);
  LogOptions options;
  options.name = "test";
  options.to_stderr = true;
  options.journal_socket = socket_path;
  ASSERT_TRUE(open_log(options).ok());
  write_log(LogLevel::warn, "web: conflict a\\nb",
            {{"TWSYNC_PAIR", "web"}, {"TWSYNC_PATH", "a\nb"}, {"TWSYNC_ID", ""}});
  log_info("plain");
  close_log();
  ::unsetenv("JOURNAL_STREAM");
  const auto next = [listener] {
    char buffer[4096];
    const ssize_t got = ::recv(listener, buffer, sizeof buffer, MSG_DONTWAIT);
    return got < 0 ? std::string("nothing") : std::string(buffer, static_cast<size_t>(got));
  };
  const std::string head = str("SYSLOG_IDENTIFIER=", program_invocation_short_name, "\n");
  EXPECT_EQ(next(), "MESSAGE=web: conflict a\\nb\nPRIORITY=4\n" + head + "TWSYNC_PAIR=web\nTWSYNC_PATH\n" +
                        std::string("\3\0\0\0\0\0\0\0", 8) + "a\nb\n");
  EXPECT_EQ(next(), "MESSAGE=plain\nPRIORITY=6\n" + head);
  ::close(listener);
}

TEST(Log, says_when_the_file_cannot_be_opened) {
  TempDir dir;
  LogOptions options;
  options.name = "test";
  options.file = dir.write("file", "") + "/x.log";
  EXPECT_FALSE(open_log(options).ok());
  close_log();
}

}  // namespace
}  // namespace twsync
