#include "common/base/json_members.h"

#include <gtest/gtest.h>

#include "common/base/json_object.h"

namespace twsync {
namespace {

TEST(JsonMembers, reads_what_json_object_wrote) {
  const std::string odd = "a\"b\\c\n\x1b[1m\xc2\x85 \xe2\x80\xae\xf0\x9f\x98\x80";
  JsonObject inner;
  inner.text("kind", "file}\"{").number("size", 3);
  JsonObject object;
  object.text("text", odd).path("path", "\xff").number("cycle", 7).flag("yes", true).raw("from", inner.str_value());
  object.raw("list", "[1,{\"a\":[]},\"]\"]").text("last", "");
  const auto members = json_members(object.str_value());
  ASSERT_TRUE(members);
  EXPECT_EQ(members->at("text"), odd);
  EXPECT_EQ(members->at("path"), "\\xff");
  EXPECT_EQ(members->at("path_b64"), "/w==");
  EXPECT_EQ(members->at("cycle"), "7");
  EXPECT_EQ(members->at("yes"), "true");
  EXPECT_EQ(members->at("from"), inner.str_value());
  EXPECT_EQ(members->at("list"), "[1,{\"a\":[]},\"]\"]");
  EXPECT_EQ(members->at("last"), "");
  EXPECT_EQ(members->size(), 8U);
  EXPECT_TRUE(json_members("{}"));
}

TEST(JsonMembers, a_line_that_was_cut_off_is_none) {
  JsonObject object;
  object.text("a", "b\"\n").number("n", 1).raw("o", "{\"x\":[1]}");
  const std::string whole = object.str_value();
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(json_members(whole.substr(0, size))) << size;
  EXPECT_FALSE(json_members(whole + "x"));
  EXPECT_FALSE(json_members("{\"a\":\"\\q\"}"));
  EXPECT_FALSE(json_members("{\"a\":\"\\u00g0\"}"));
}

}  // namespace
}  // namespace twsync
