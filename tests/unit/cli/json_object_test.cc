#include "common/base/json_object.h"

#include <gtest/gtest.h>

#include <cstdio>

namespace twsync {
namespace {

TEST(JsonObject, members_in_order) {
  EXPECT_EQ(
      JsonObject().text("a", "x\"\\\n\x01").number("n", -3).flag("f", true).seconds("s", 1'234'567'890).str_value(),
      "{\"a\":\"x\\\"\\\\\\u000a\\u0001\",\"n\":-3,\"f\":true,\"s\":1.235}");
  EXPECT_EQ(JsonObject().str_value(), "{}");
}

TEST(JsonObject, a_path_that_is_not_utf8_has_its_bytes_too) {
  EXPECT_EQ(JsonObject().path("path", "a\xff").str_value(), "{\"path\":\"a\\\\xff\",\"path_b64\":\"Yf8=\"}");
  EXPECT_EQ(JsonObject().path("path", "ä").str_value(), "{\"path\":\"ä\"}");
}

TEST(JsonObject, nothing_that_a_terminal_obeys) {
  EXPECT_EQ(JsonObject()
                .path("path",
                      "\xc2\x9b"
                      "1m")
                .str_value(),
            "{\"path\":\"\\u009b1m\"}");
  EXPECT_EQ(JsonObject()
                .path("path",
                      "\xe2\x80\xae"
                      "x")
                .str_value(),
            "{\"path\":\"\\u202ex\"}");
  EXPECT_EQ(JsonObject().path("path", "\xf0\x9f\x98\x80").str_value(), "{\"path\":\"\xf0\x9f\x98\x80\"}");
}

TEST(JsonObject, every_byte_is_escaped_wherever_it_stands) {
  for (int byte = 0; byte < 0x80; ++byte) {
    const char c = static_cast<char>(byte);
    char hex[8];
    std::snprintf(hex, sizeof hex, "\\u%04x", static_cast<unsigned>(byte));
    const std::string wanted = c == '"' || c == '\\'         ? std::string("\\") + c
                               : byte < 0x20 || byte == 0x7F ? std::string(hex)
                                                             : std::string(1, c);
    for (size_t before = 0; before < 18; ++before) {
      for (const size_t after : {0U, 1U, 7U, 8U, 9U}) {
        const std::string a(before, ' '), b(after, '~');
        ASSERT_EQ(json_text(a + c + b), "\"" + a + wanted + b + "\"") << byte << " at " << before;
      }
    }
  }
}

TEST(JsonObject, times) {
  EXPECT_EQ(utc_text(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(utc_text(1'700'000'000'123'456'789), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(utc_text(-1), "1969-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace twsync
