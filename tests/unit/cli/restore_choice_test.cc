#include "producers/cli/restore_choice.h"

#include <gtest/gtest.h>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/base/json_object.h"

namespace twsync {
namespace {

constexpr int64_t kStart = 1'700'000'000 * kSecond;

KeptVersion kept(const std::string& path, int64_t seconds, Displaced how, Kind kind = Kind::file,
                 Side side = Side::deploy) {
  KeptVersion out;
  out.side = side;
  out.version.path = path;
  out.version.stored_ns = kStart + seconds * kSecond;
  out.version.id = str(1000 + seconds, "-", path);
  out.version.how = how;
  out.version.entry.kind = kind;
  out.version.epoch = 1;
  out.version.cycle = static_cast<uint64_t>(seconds / 100 + 1);
  return out;
}

std::string ids(const Result<RestoreChoice>& choice) {
  if (!choice) return choice.error().message;
  std::string out;
  for (const KeptVersion& one : choice->versions) out += one.version.id + " ";
  return out;
}

TEST(RestoreChoice, of_a_file_the_latest) {
  const std::vector<KeptVersion> all{kept("a", 1, Displaced::replaced), kept("a", 9, Displaced::removed),
                                     kept("a", 5, Displaced::replaced, Kind::file, Side::code)};
  EXPECT_EQ(ids(choose_versions(all, "a", "")), "1009-a ");
  EXPECT_EQ(ids(choose_versions(all, "a", "1005-a")), "1005-a ");
  EXPECT_FALSE(choose_versions(all, "a", "nothing"));
  EXPECT_FALSE(choose_versions({}, "a", ""));
  EXPECT_FALSE(choose_versions(all, "a", "")->tree);
  EXPECT_FALSE(choose_versions(all, "a", "")->only_missing);
}

TEST(RestoreChoice, of_a_directory_what_its_last_deletion_took) {
  const std::vector<KeptVersion> all{
      kept("d/old", 0, Displaced::removed),  // an hour before
      kept("d/edited", 3'500, Displaced::replaced),
      kept("d/a", 3'600, Displaced::removed),
      kept("d/a", 3'700, Displaced::removed),  // it came back and went again
      kept("d/b", 4'100, Displaced::removed, Kind::symlink, Side::code),
      kept("d", 4'200, Displaced::removed, Kind::directory),
  };
  const auto choice = choose_versions(all, "d", "");
  EXPECT_EQ(ids(choice), "5200-d 4700-d/a 5100-d/b ");
  EXPECT_TRUE(choice->tree);
  EXPECT_TRUE(choice->only_missing);
  EXPECT_EQ(choice->as_of_ns, kStart + 3'600 * kSecond);
}

TEST(RestoreChoice, only_replaced_versions_need_a_name) {
  const std::vector<KeptVersion> all{kept("d/a", 1, Displaced::replaced)};
  EXPECT_FALSE(choose_versions(all, "d", ""));
  EXPECT_EQ(ids(choose_versions(all, "d", "1001-d/a")), "1001-d/a ");
}

TEST(RestoreChoice, as_of_a_version_of_each_path_the_first_displaced_since) {
  const std::vector<KeptVersion> all{
      kept("d/a", 10, Displaced::replaced),
      kept("d/a", 110, Displaced::replaced),
      kept("d/a", 210, Displaced::removed),
      kept("d/b", 105, Displaced::replaced),  // displaced in the same cycle as d/a at 110, a little earlier
      kept("d/c", 220, Displaced::removed),
  };
  const auto choice = choose_versions(all, "d", "1110-d/a");
  EXPECT_EQ(ids(choice), "1110-d/a 1105-d/b 1220-d/c ");
  EXPECT_FALSE(choice->only_missing);
  EXPECT_EQ(ids(choose_versions(all, "d", utc_text(kStart + 111 * kSecond))), "1210-d/a 1220-d/c ");
  EXPECT_FALSE(choose_versions(all, "d", utc_text(kStart + 300 * kSecond))) << "nothing since then";
  EXPECT_FALSE(choose_versions(all, "d", "2023-13-45"));
}

TEST(RestoreChoice, what_was_written_late_stood_nowhere) {
  std::vector<KeptVersion> all{kept("d/a", 10, Displaced::removed), kept("d/a", 11, Displaced::removed),
                               kept("d/a", 12, Displaced::removed)};
  all[1].version.copy = all[0].version.id;
  all[2].version.cause = LoserCause::late_write;
  EXPECT_EQ(ids(choose_versions(all, "d", "")), "1010-d/a ");
  EXPECT_EQ(ids(choose_versions(all, "d/a", "")), "1010-d/a ");
  EXPECT_EQ(ids(choose_versions(all, "d/a", "1012-d/a")), "1012-d/a ");
}

TEST(RestoreChoice, nothing_lies_below_a_file) {
  const std::vector<KeptVersion> all{kept("d", 300, Displaced::removed, Kind::directory),
                                     kept("d/x", 10, Displaced::replaced), kept("d/x/y", 20, Displaced::removed)};
  EXPECT_EQ(ids(choose_versions(all, "d", utc_text(kStart))), "1300-d 1010-d/x ");
}

}  // namespace
}  // namespace twsync
