// twsync conflicts

#include "common/app/exit_codes.h"
#include "producers/cli/base_facts.h"
#include "producers/cli/context.h"
#include "common/base/json_object.h"
#include "common/ssh/authorized_keys.h"
#include "producers/cli/pair_memory.h"
#include "producers/cli/parked_commands.h"

namespace twsync {

namespace {

constexpr size_t kShown = 1000;
constexpr size_t kUnkeptShown = 20;
constexpr size_t kUnkeptListed = 100'000;

const char* winner_name(ConflictWinner winner) {
  return winner == ConflictWinner::code ? "code" : winner == ConflictWinner::deploy ? "deploy" : "none";
}

std::string loser_place(const PairConfig& pair, const ConflictRecord& record) {
  if (record.loser_version.empty()) return {};
  const bool on_code = record.winner == ConflictWinner::deploy;
  // It may be pasted into a shell.
  const std::string id = escape_bytes(record.loser_version);
  return str("version ", id, " on the ", on_code ? "code" : "deploy", " side: twsync restore ",
             shell_word(escape_bytes(record.path)), " --version ", shell_word(id), " --pair ", pair.name);
}

std::string conflict_text(const PairConfig& pair, const ConflictRecord& record) {
  std::string out = str(record.open ? "open      " : "decided   ", record.id, "  ", utc_text(record.at_ns), "  ",
                        escape_bytes(record.path), "\n");
  if (!record.text.empty()) out += str("          ", escape_bytes(record.text), "\n");
  if (record.open)
    return out +
           str("          decide it: twsync resolve ", record.id, " --take code|deploy|both --pair ", pair.name, "\n");
  if (record.winner == ConflictWinner::none) return out + "          the difference went away\n";
  out += str("          ", winner_name(record.winner), " won (", record.rule, ")");
  const std::string loser = loser_place(pair, record);
  return out + (loser.empty() ? "\n" : str("; the loser is ", loser, "\n"));
}

std::string parked_text(const PairConfig& pair, const ParkedRecord& record) {
  std::string out =
      str("parked    ", record.id, "  ", utc_text(record.at_ns), "  ", to_string(record.reason), " on the ",
          to_string(record.side), " side, ", record.paths.size(), record.paths.size() == 1 ? " path" : " paths", "\n");
  if (!record.text.empty()) out += str("          ", escape_bytes(record.text), "\n");
  for (size_t i = 0; i < record.paths.size() && i < 10; ++i)
    out += str("            ", escape_bytes(record.paths[i]), "\n");
  if (record.paths.size() > 10) out += str("            and ", record.paths.size() - 10, " more (--json lists all)\n");
  if (record.reason == ParkedReason::root_identity)
    return out + str("          if the root is right as it is: ", parked_commands(pair, record), "\n");
  if (record.reason == ParkedReason::mass_deletion)
    return out + str("          decide it: ", parked_commands(pair, record), "\n");
  return out;
}

std::string conflict_json(const PairConfig& pair, const ConflictRecord& record) {
  JsonObject out;
  out.text("type", "conflict")
      .text("pair", pair.name)
      .text("id", record.id)
      .path("path", record.path)
      .time("time", record.at_ns);
  out.flag("open", record.open).text("rule", record.rule).text("winner", winner_name(record.winner));
  return out.text("loser_version", record.loser_version).text("text", record.text).str_value();
}

std::string parked_json(const PairConfig& pair, const ParkedRecord& record) {
  JsonObject out;
  out.text("type", "parked").text("pair", pair.name).text("id", record.id).time("time", record.at_ns);
  out.text("reason", to_string(record.reason)).text("side", to_string(record.side)).text("text", record.text);
  out.raw("paths", json_array(record.paths,
                              [](const std::string& path) { return JsonObject().path("path", path).str_value(); }));
  return out.str_value();
}

std::string unkept_json(const PairConfig& pair, const UnkeptRecord& record) {
  JsonObject out;
  out.text("type", "unkept").text("pair", pair.name).path("path", record.path).time("time", record.at_ns);
  return out.text("side", to_string(record.side))
      .text("what", to_string(record.what))
      .text("text", record.text)
      .str_value();
}

void show_unkept(CliContext& context, const PairConfig& pair, const std::vector<UnkeptRecord>& unkept, bool json) {
  for (size_t i = 0; i < unkept.size() && (json || i < kUnkeptShown); ++i) {
    const UnkeptRecord& record = unkept[i];
    context.out(json ? unkept_json(pair, record) + "\n"
                     : str("not kept  on the ", to_string(record.side), " side: ", escape_bytes(record.path), ": ",
                           escape_bytes(record.text), "\n"));
  }
  if (!json && unkept.size() > kUnkeptShown)
    context.out(str("          and ", unkept.size() - kUnkeptShown, " more not kept (--json lists all)\n"));
}

Result<size_t> show_pair(CliContext& context, const PairConfig& pair, bool json) {
  SYNC_ASSIGN(auto base, open_base(pair));
  if (!base) return size_t{0};
  SYNC_ASSIGN(const auto conflicts, (*base)->conflicts(kShown));
  SYNC_ASSIGN(const auto parked, (*base)->parked());
  SYNC_ASSIGN(const auto unkept, (*base)->unkept(kUnkeptListed));
  if (!json && !(conflicts.empty() && parked.empty() && unkept.empty())) context.out(str("pair ", pair.name, "\n"));
  for (const auto& record : parked) context.out(json ? parked_json(pair, record) + "\n" : parked_text(pair, record));
  for (const auto& record : conflicts)
    context.out(json ? conflict_json(pair, record) + "\n" : conflict_text(pair, record));
  show_unkept(context, pair, unkept, json);
  return conflicts.size() + parked.size() + unkept.size();
}

}  // namespace

Result<int> run_conflicts(CliContext& context, const ConflictsCommand& command) {
  SYNC_ASSIGN(const auto pairs, select_pairs(context.config, command.pair));
  size_t shown = 0;
  for (const auto& pair : pairs) {
    SYNC_ASSIGN(const size_t count, show_pair(context, pair, command.json));
    shown += count;
  }
  if (shown == 0 && !command.json) context.out("no conflicts, nothing parked\n");
  return kExitDone;
}

}  // namespace twsync
