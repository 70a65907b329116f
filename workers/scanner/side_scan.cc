#include "workers/scanner/side_scan.h"

#include <algorithm>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include "common/base/rel_path.h"
#include "workers/scanner/base_join.h"
#include "workers/scanner/range_book.h"

namespace twsync {

namespace {

constexpr size_t kChunkEntries = 1000;
constexpr size_t kDigestPaths = 256;
constexpr size_t kSpecialShown = 1000;

/// Collects entries into chunks.
class ChunkSink {
 public:
  ChunkSink(Side side, const ChunkOut& output) : output_(output) { chunk_.side = side; }
  Status add(PathEntry&& entry) {
    chunk_.entries.push_back(std::move(entry));
    return chunk_.entries.size() < kChunkEntries ? Status{} : flush();
  }
  Status flush() {
    if (chunk_.entries.empty()) return {};
    const Status sent = output_(chunk_);
    chunk_.entries.clear();
    return sent;
  }

 private:
  const ChunkOut& output_;
  ScanChunk chunk_;
};

/// Files that were read already, by inode: another name of one needs no second reading.
class ReadFiles {
 public:
  void note(const Entry& entry) {
    if (entry.links > 1 && entry.digest.known()) read_.insert_or_assign(entry.stamp.inode, entry);
  }
  bool fill_in(Entry& entry) const {
    if (entry.links < 2) return false;
    const auto found = read_.find(entry.stamp.inode);
    if (found == read_.end() || found->second.stamp != entry.stamp) return false;
    entry.digest = found->second.digest;
    return true;
  }

 private:
  std::unordered_map<uint64_t, Entry> read_;
};

/// Other names of files that are read by their first one, to the end of the list. Returns how many stay.
size_t put_other_names_last(std::vector<PathEntry>& entries) {
  std::unordered_set<uint64_t> seen;
  const auto first = [&seen](const PathEntry& e) {
    return e.entry.links < 2 || seen.insert(e.entry.stamp.inode).second;
  };
  return static_cast<size_t>(std::stable_partition(entries.begin(), entries.end(), first) - entries.begin());
}

/// Reads `entries` in pieces and passes each on with its digest; one that cannot be read goes on without, and the
/// transfer will say why.
Status read_contents(SideReader& reader, std::span<PathEntry> entries, ChunkSink& sink, ReadFiles& read_files) {
  for (size_t from = 0; from < entries.size(); from += kDigestPaths) {
    const auto piece = entries.subspan(from, std::min(kDigestPaths, entries.size() - from));
    DigestRequest request;
    for (const auto& e : piece) request.paths.push_back(e.path);
    SYNC_ASSIGN(DigestReply reply, reader.digest(request));
    for (size_t i = 0; i < piece.size(); ++i) {
      const bool answered = i < reply.entries.size() && reply.entries[i].path == piece[i].path;
      const bool read = answered && reply.entries[i].entry.is_file();
      PathEntry& item = read ? reply.entries[i] : piece[i];
      read_files.note(item.entry);
      SYNC_TRY(sink.add(std::move(item)));
    }
  }
  return {};
}

Status read_all(SideReader& reader, std::vector<PathEntry>& entries, ChunkSink& sink) {
  ReadFiles read_files;
  const size_t first_names = put_other_names_last(entries);
  SYNC_TRY(read_contents(reader, std::span(entries).first(first_names), sink, read_files));
  std::vector<PathEntry> rest;
  for (size_t i = first_names; i < entries.size(); ++i) {
    if (read_files.fill_in(entries[i].entry)) {
      SYNC_TRY(sink.add(std::move(entries[i])));
    } else {
      rest.push_back(std::move(entries[i]));
    }
  }
  return read_contents(reader, rest, sink, read_files);
}

/// A file in doubt that looks as recorded, and the content it should have.
struct Doubtful {
  std::string path;
  Digest digest;
};

/// Reads what is in doubt and reports only what has another content. What cannot be read is no news: it looks as
/// recorded, and whoever needs its content will say so.
Status verify_contents(SideReader& reader, const std::vector<Doubtful>& doubtful, ChunkSink& sink) {
  for (size_t from = 0; from < doubtful.size(); from += kDigestPaths) {
    const auto piece = std::span(doubtful).subspan(from, std::min(kDigestPaths, doubtful.size() - from));
    DigestRequest request;
    for (const auto& d : piece) request.paths.push_back(d.path);
    SYNC_ASSIGN(DigestReply reply, reader.digest(request));
    for (size_t i = 0; i < std::min(piece.size(), reply.entries.size()); ++i) {
      PathEntry& read = reply.entries[i];
      const bool known = read.path == piece[i].path && read.entry.is_file() && read.entry.digest.known();
      if (known && read.entry.digest != piece[i].digest) SYNC_TRY(sink.add(std::move(read)));
    }
  }
  return {};
}

std::vector<std::string> all_never(const ScanRules& rules) {
  std::vector<std::string> never = rules.never[0];
  never.insert(never.end(), rules.never[1].begin(), rules.never[1].end());
  return never;
}

ListRequest request_for(const std::vector<Scope>& scopes, const ScanRules& rules) {
  ListRequest request;
  request.scopes = scopes;
  request.exclude = rules.exclude;
  request.ignore_lines = rules.code_ignore;
  request.ignore_split = static_cast<uint32_t>(rules.code_ignore.size());
  request.ignore_lines.insert(request.ignore_lines.end(), rules.deploy_ignore.begin(), rules.deploy_ignore.end());
  // A path is ignored if either side ignores it, so the other side's never-list counts here as well.
  request.never = all_never(rules);
  return request;
}

/// Takes a listing in, and what it repeats of the one before.
class Intake {
 public:
  Intake(BaseJoin& join, RangeBook& ranges, SideScan& summary) : join_(join), ranges_(ranges), summary_(summary) {}

  Status entries(std::vector<PathEntry>&& entries) {
    for (auto& e : entries) {
      if (e.path.empty()) continue;
      ++summary_.seen;
      if (e.entry.kind == Kind::other && summary_.special.size() < kSpecialShown) summary_.special.push_back(e.path);
      SYNC_TRY(ranges_.listed(e));
      SYNC_TRY(join_.add(std::move(e)));
      ranges_.joined(join_.departures());
    }
    return {};
  }

  Status range(uint32_t number) {
    SYNC_ASSIGN(const KnownRange* range, ranges_.repeated(number));
    summary_.seen += range->entries;
    SYNC_TRY(join_.skip(range->first, range->last));
    ranges_.joined(join_.departures());
    return {};
  }

 private:
  BaseJoin& join_;
  RangeBook& ranges_;
  SideScan& summary_;
};

}  // namespace

ListRequest list_request(const std::vector<Scope>& scopes, const ScanRules& rules, Side side) {
  ListRequest request = request_for(scopes, rules);
  const auto base = BaseStore::open(rules.base_path, BaseStore::Mode::read_only);
  if (base && (*base)->begin_reading().ok()) request.known = RangeBook(side, rules, request, **base).known();
  return request;
}

Result<SideScanOutcome> scan_side(Side side, SideReader& reader, const std::vector<Scope>& scopes,
                                  const ScanRules& rules, const ChunkOut& output, std::unique_ptr<EarlyListing> early) {
  SideScanOutcome outcome;
  if (scopes.empty()) return outcome;
  SYNC_ASSIGN(auto base, BaseStore::open(rules.base_path, BaseStore::Mode::read_only));
  SYNC_TRY(base->begin_reading());
  ChunkSink sink(side, output);
  std::vector<PathEntry> to_read;
  std::vector<Doubtful> doubtful;
  BaseJoin join(
      side, rules.policy, *base, scopes, [&](PathEntry&& e) { return sink.add(std::move(e)); },
      [&](PathEntry&& e) {
        to_read.push_back(std::move(e));
        return Status{};
      },
      [&](const BaseRow& row) {
        doubtful.push_back({row.path, row.agreed.digest});
        return Status{};
      });
  IgnoreRules exclude(rules.exclude), code(rules.code_ignore), deploy(rules.deploy_ignore);
  for (const auto* set : {&exclude, &code, &deploy}) {
    outcome.bad_patterns.insert(outcome.bad_patterns.end(), set->bad().begin(), set->bad().end());
  }
  const IgnoreFilter filter({std::move(exclude), std::move(code), std::move(deploy)}, all_never(rules));
  ListRequest request = request_for(scopes, rules);
  RangeBook ranges(side, rules, request, *base);
  request.known = ranges.known();
  Intake intake(join, ranges, outcome.summary);
  const SideReader::EntrySink take([&](std::vector<PathEntry>&& entries) { return intake.entries(std::move(entries)); },
                                   [&](uint32_t number) { return intake.range(number); });
  if (early && !early->is_for(request)) early.reset();
  auto ended = early ? early->take(take) : reader.list(request, take);
  if (!ended) return std::move(ended).error();
  if (ended->error.code != ErrorCode::ok) return ended->error;
  SYNC_TRY(join.finish(ended->unreadable, filter, outcome.ignored_rows));
  base->rollback();
  ranges.finish();
  SYNC_TRY(read_all(reader, to_read, sink));
  SYNC_TRY(verify_contents(reader, doubtful, sink));
  SYNC_TRY(sink.flush());
  outcome.summary.started_ns = ended->started_ns;
  outcome.summary.unreadable = std::move(ended->unreadable);
  return outcome;
}

Status digest_paths(Side side, SideReader& reader, const std::vector<std::string>& paths, const ChunkOut& output) {
  ChunkSink sink(side, output);
  for (size_t from = 0; from < paths.size(); from += kDigestPaths) {
    DigestRequest request;
    const auto end = paths.begin() + static_cast<std::ptrdiff_t>(std::min(from + kDigestPaths, paths.size()));
    request.paths.assign(paths.begin() + static_cast<std::ptrdiff_t>(from), end);
    SYNC_ASSIGN(DigestReply reply, reader.digest(request));
    for (auto& e : reply.entries) SYNC_TRY(sink.add(std::move(e)));
  }
  return sink.flush();
}

}  // namespace twsync
