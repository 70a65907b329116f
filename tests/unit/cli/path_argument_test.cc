#include "producers/cli/path_argument.h"

#include <gtest/gtest.h>

#include "../app/temp_dir.h"

namespace twsync {
namespace {

TEST(PathArgument, relative_and_absolute) {
  TempDir dir;
  PairConfig pair;
  pair.code_path = dir.make("root");
  std::filesystem::create_directory_symlink(pair.code_path, dir / "link");
  const auto relative = [&](const std::string& path) {
    auto result = relative_argument(path, pair);
    return result ? *result : "ERROR " + result.error().message;
  };
  EXPECT_EQ(relative("a/./b/"), "a/b");
  EXPECT_EQ(relative("."), "");
  EXPECT_EQ(relative(pair.code_path), "");
  EXPECT_EQ(relative(pair.code_path + "/gone/x"), "gone/x");
  EXPECT_EQ(relative(dir / "link/x"), "x");
  EXPECT_EQ(relative("a/../b"), "b");
  EXPECT_EQ(relative("../x").substr(0, 5), "ERROR");
  EXPECT_EQ(relative("../root").substr(0, 5), "ERROR");
  EXPECT_EQ(relative("/etc").substr(0, 5), "ERROR");
  EXPECT_EQ(relative(pair.code_path + "2").substr(0, 5), "ERROR");
}

}  // namespace
}  // namespace twsync
