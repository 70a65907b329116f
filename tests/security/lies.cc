#include "tests/security/lies.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include "common/base/rel_path.h"
#include "workers/agent/packed.h"

namespace twsync {

namespace {

// Paths below "esc" stand on the honest agent's side; "half" holds less than half of its entries.
constexpr std::array<std::string_view, 22> kLies{"dotdot",         "absolute",          "state_dir",
                                                 "unasked",        "doubled",           "vanish_half",
                                                 "vanish_all",     "link_then_dir",     "link_with_children",
                                                 "huge_size",      "becomes_directory", "terminal_name",
                                                 "wrong_digest",   "unasked_result",    "double_result",
                                                 "failed_as_done", "version_path",      "result_entry",
                                                 "epoch",          "markers",           "garbage",
                                                 "range_unasked"};

template <class Message, class Edit>
void edit_packed(RawFrame& frame, const Edit& edit) {
  auto raw = unpack_payload(frame.payload, kMaxFrame);
  if (!raw) return;
  auto message = decode<Message>(*raw);
  if (!message) return;
  edit(*message);
  frame.payload = pack_payload(encode(*message));
}

PathEntry made_up(std::string path) {
  PathEntry made;
  made.path = std::move(path);
  made.entry.kind = Kind::file;
  made.entry.mode = 0644;
  made.entry.size = 5;
  made.entry.mtime_ns = 1'700'000'000'000'000'000;
  made.entry.stamp = {4711, 5, made.entry.mtime_ns, made.entry.mtime_ns};
  return made;
}

void to_link(Entry& entry, const std::string& target) {
  entry = Entry{};
  entry.kind = Kind::symlink;
  entry.target = target;
  entry.mtime_ns = 1'700'000'000'000'000'000;
  entry.stamp = {4712, target.size(), entry.mtime_ns, entry.mtime_ns};
}

}  // namespace

bool Liar::knows(const std::string& lie) {
  return std::find(kLies.begin(), kLies.end(), lie) != kLies.end();
}

void Liar::twist(RawFrame& frame) {
  if (lie_ == "garbage") return garbage(frame.payload);
  switch (frame.type) {
    case FrameType::list_chunk:
      return edit_packed<ListChunk>(frame, [this](ListChunk& chunk) { twist_listing(chunk); });
    case FrameType::facts_reply:
      return edit_packed<FactsReply>(frame, [this](FactsReply& reply) { twist_facts(reply); });
    case FrameType::digest_reply:
      return edit_packed<DigestReply>(frame, [this](DigestReply& reply) { twist_digests(reply); });
    case FrameType::results: {
      auto result = decode<BatchResult>(frame.payload);
      if (!result) return;
      twist_results(*result);
      frame.payload = encode(*result);
      return;
    }
    default:
      return;
  }
}

void Liar::twist_listing(ListChunk& chunk) {
  if (lie_ == "range_unasked") chunk.known.push_back(1'000'000);
  auto& entries = chunk.entries;
  if (entries.empty()) return;
  const auto drop_below = [&](std::string_view top) {
    std::erase_if(entries, [&](const PathEntry& e) { return is_below(e.path, top); });
  };
  if (lie_ == "dotdot") entries.front() = made_up("../escape");
  if (lie_ == "absolute") entries.front() = made_up(canary_ + "/escape");
  if (lie_ == "state_dir") entries.front() = made_up(".twsync/escape");
  if (lie_ == "unasked") entries.push_back(made_up("zz-unasked/x"));
  if (lie_ == "doubled") entries.push_back(entries.back());
  if (lie_ == "vanish_all") std::erase_if(entries, [](const PathEntry& e) { return !e.path.empty(); });
  if (lie_ == "vanish_half") std::erase_if(entries, [](const PathEntry& e) { return is_at_or_below(e.path, "half"); });
  for (PathEntry& e : entries) {
    if (e.path == "esc" && lie_.starts_with("link_")) to_link(e.entry, canary_);
    if (e.path == "esc" && lie_ == "terminal_name") e.path = "esc\x1b]0;owned\x07";
    if (e.path == "half/1" && lie_ == "becomes_directory") e.entry.kind = Kind::directory;
    if (e.entry.is_file() && lie_ == "huge_size") e.entry.size = e.entry.stamp.size = uint64_t{1} << 62U;
  }
  if (lie_ == "link_then_dir" || lie_ == "terminal_name") drop_below("esc");
}

void Liar::twist_facts(FactsReply& reply) {
  if (lie_ == "terminal_name") reply.facts.host = "host\x1b[2J";
  if (lie_ == "epoch") {
    for (Marker& m : reply.facts.markers) m.epoch = std::numeric_limits<uint64_t>::max();
  }
  if (lie_ == "markers") {
    for (Marker& m : reply.facts.markers) m.pair_id = "../../../escape";
    reply.facts.markers.push_back({"..", Side::deploy, 1});
  }
}

void Liar::twist_digests(DigestReply& reply) {
  if (lie_ != "wrong_digest") return;
  for (PathEntry& e : reply.entries) e.entry.digest.high ^= 1;
}

void Liar::twist_results(BatchResult& batch) {
  auto& results = batch.results;
  if (results.empty()) return;
  if (lie_ == "unasked_result") results.front().id += 1'000'000;
  if (lie_ == "double_result") results.push_back(results.front());
  for (OpResult& r : results) {
    if (lie_ == "failed_as_done" && r.code != ErrorCode::ok) r.code = ErrorCode::ok;
    if (lie_ == "version_path") r.version = "../../../escape\x1b[31m";
    if (lie_ == "result_entry") {
      r.target = Entry{};
      r.source = Entry{};
    }
  }
}

void Liar::garbage(std::string& payload) {
  if (payload.empty() || random_() % 4 != 0) return;
  for (unsigned n = random_() % 4 + 1; n > 0; --n) payload[random_() % payload.size()] = static_cast<char>(random_());
  if (random_() % 8 == 0) payload.resize(random_() % payload.size());
}

}  // namespace twsync
