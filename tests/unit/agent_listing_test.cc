// What a lying peer may not tell (listing_check.h).
#include <gtest/gtest.h>

#include "workers/agent/listing_check.h"

namespace twsync {
namespace {

PathEntry file(const std::string& path) {
  PathEntry listed{path, {}};
  listed.entry.kind = Kind::file;
  listed.entry.mode = 0644;
  return listed;
}

std::vector<PathEntry> files(const std::vector<std::string>& paths) {
  std::vector<PathEntry> out;
  for (const std::string& path : paths) out.push_back(file(path));
  return out;
}

const std::vector<Scope> kEverything{{"", true}};

ErrorCode check(const std::vector<Scope>& scopes, const std::vector<std::string>& paths) {
  ListingCheck listing(scopes);
  const Status status = listing.entries(files(paths));
  return status.ok() ? ErrorCode::ok : status.error().code;
}

TEST(PeerWords, AreFitForATerminal) {
  std::string honest = "cannot open 'a\\nb': No such file";
  std::string lie = "\x1b[2Jall is well\nroot@code:~# ";
  for (std::string* words : {&honest, &lie}) make_printable(*words);
  EXPECT_EQ(honest, "cannot open 'a\\nb': No such file");
  EXPECT_EQ(lie.find_first_of("\x1b\n"), std::string::npos);
}

TEST(ListingCheck, AcceptsAnHonestListing) {
  EXPECT_EQ(check(kEverything, {"a", "a/b", "a/c", "a.txt", "b"}), ErrorCode::ok);
  EXPECT_EQ(check({{"a", false}, {"b", true}, {"c/d", false}}, {"a", "b", "b/x", "c/d"}), ErrorCode::ok);
  EXPECT_EQ(check({{"a", false}, {"b", true}}, {"b/x"}), ErrorCode::ok);
  EXPECT_EQ(check(kEverything, {"sub/.twsync/x"}), ErrorCode::ok);
}

TEST(ListingCheck, RefusesPathsThatAreNone) {
  for (const char* bad : {"../x", "/etc", "a//b", "a/./b", "a/", "a/..", ".twsync", ".twsync/x"}) {
    EXPECT_EQ(check(kEverything, {bad}), ErrorCode::peer_violation) << bad;
  }
}

TEST(ListingCheck, RefusesWhatIsOutOfOrderOrTwice) {
  EXPECT_EQ(check(kEverything, {"b", "a"}), ErrorCode::peer_violation);
  EXPECT_EQ(check(kEverything, {"a", "a"}), ErrorCode::peer_violation);
  EXPECT_EQ(check(kEverything, {"a.txt", "a/b"}), ErrorCode::peer_violation);
}

TEST(ListingCheck, OrderHoldsAcrossChunks) {
  ListingCheck listing(kEverything);
  EXPECT_TRUE(listing.entries(files({"a", "c"})).ok());
  EXPECT_FALSE(listing.entries(files({"b"})).ok());
}

TEST(ListingCheck, RefusesWhatWasNotAskedFor) {
  EXPECT_EQ(check({{"a", false}}, {"a/b"}), ErrorCode::peer_violation);
  EXPECT_EQ(check({{"a", true}}, {"b"}), ErrorCode::peer_violation);
  EXPECT_EQ(check({{"a", true}, {"c", true}}, {"a", "b", "c"}), ErrorCode::peer_violation);
  EXPECT_EQ(check({}, {"a"}), ErrorCode::peer_violation);
}

TEST(ListingCheck, RefusesImpossibleEntries) {
  PathEntry kind = file("a");
  kind.entry.kind = static_cast<Kind>(9);
  PathEntry none = file("a");
  none.entry.kind = Kind::none;
  PathEntry mode = file("a");
  mode.entry.mode = 0100644;
  PathEntry target = file("a");
  target.entry.target = "x";
  PathEntry link = file("a");
  link.entry.kind = Kind::symlink;
  PathEntry digest = file("a");
  digest.entry.digest.algorithm = static_cast<DigestAlgorithm>(7);
  for (const PathEntry& bad : {kind, none, mode, target, link, digest}) EXPECT_FALSE(check_peer_entry(bad).ok());
  link.entry.target = "anywhere/../at/all";
  EXPECT_TRUE(check_peer_entry(link).ok());
}

TEST(ListingCheck, RangesMustHaveBeenAskedFor) {
  ListRequest request;
  EXPECT_TRUE(check_known(request, {}).ok());
  EXPECT_FALSE(check_known(request, {1}).ok());
  request.known = std::string(2 * kKnownRangeBytes, 'x');
  EXPECT_TRUE(check_known(request, {1, 2}).ok());
  EXPECT_FALSE(check_known(request, {0}).ok());
  EXPECT_FALSE(check_known(request, {2, 3}).ok());
}

TEST(ListingCheck, NotesMayOnlySpeakOfWhatWasAsked) {
  const std::vector<Scope> scopes{{"a/b", true}, {"c", false}};
  const ListingCheck listing(scopes);
  const auto ignored = [&](const std::string& path) {
    ListEnd notes;
    notes.ignored = {path};
    return listing.notes(notes).ok();
  };
  EXPECT_TRUE(ignored("a"));
  EXPECT_TRUE(ignored("a/b"));
  EXPECT_TRUE(ignored("a/b/x"));
  EXPECT_TRUE(ignored("c"));
  EXPECT_FALSE(ignored("b"));
  EXPECT_FALSE(ignored("c/x"));
  EXPECT_FALSE(ignored("../a"));
  ListEnd unreadable;
  unreadable.unreadable = {{ErrorCode::denied, "", "z", 0}};
  EXPECT_FALSE(listing.notes(unreadable).ok());
}

TEST(ListingCheck, ScopesMustBeOrderedAndDisjoint) {
  EXPECT_TRUE(check_scopes({{"", true}}).ok());
  EXPECT_TRUE(check_scopes({{"a", false}, {"a/b", true}, {"c", true}}).ok());
  EXPECT_FALSE(check_scopes({{"a", true}, {"a/b", true}}).ok());
  EXPECT_FALSE(check_scopes({{"b", true}, {"a", true}}).ok());
  EXPECT_FALSE(check_scopes({{"..", true}}).ok());
  EXPECT_FALSE(check_scopes({{".twsync", true}}).ok());
}

TEST(ListingCheck, DigestsAnswerWhatWasAsked) {
  DigestReply reply;
  reply.entries = files({"a", "c"});
  EXPECT_TRUE(check_digest_reply({"a", "b", "c"}, reply).ok());
  EXPECT_FALSE(check_digest_reply({"c", "a"}, reply).ok());
  EXPECT_FALSE(check_digest_reply({"a"}, reply).ok());
  reply.failed = {{ErrorCode::denied, "", "z", 0}};
  EXPECT_FALSE(check_digest_reply({"a", "b", "c"}, reply).ok());
}

}  // namespace
}  // namespace twsync
