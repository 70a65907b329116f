#include "common/app/log.h"

#include <gtest/gtest.h>

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
