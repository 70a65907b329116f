// twsync events

#include <algorithm>
#include <deque>
#include <filesystem>
#include <fstream>
#include <set>

#include "common/app/event_text.h"
#include "common/app/exit_codes.h"
#include "common/base/json_members.h"
#include "common/base/json_object.h"
#include "common/zmq/subscriber.h"
#include "producers/cli/broker_access.h"
#include "producers/cli/context.h"

namespace twsync {

namespace {

constexpr int kAnswerMs = 2000;
constexpr size_t kShown = 100;  // operations, without --follow

/// For people; operations too, which a journal leaves out.
std::string text_of(const Event& event) {
  std::string line = event_line(event);
  if (line.empty() && event.operation) line = str(event.pair, ": ", operation_text(*event.operation));
  if (line.empty() && (event.kind == EventKind::note || event.kind == EventKind::skipped))
    line = str(event.pair, ": ", event_name(event.kind), " ", escape_bytes(event.path), event.path.empty() ? "" : ": ",
               escape_bytes(event.text));
  return line.empty() ? line : str(utc_text(event.at_ns), " ", line);
}

Result<int> follow(CliContext& context, const EventsCommand& command) {
  // That a broker is there, and knows the pair, is asked first: a subscriber would wait in silence.
  SYNC_ASSIGN(const auto broker, open_broker(context.config, kAnswerMs));
  if (!command.pair.empty() && !broker->serves(command.pair))
    return Error{
        ErrorCode::usage, str("no service serves a pair named '", escape_bytes(command.pair), "' here"), {}, 0};
  SYNC_ASSIGN(const auto subscriber,
              BrokerSubscriber::connect(broker->context, ipc_endpoints(context.config.runtime_dir), command.pair));
  while (!context.stop) {
    SYNC_ASSIGN(const auto event, subscriber->next(500));
    if (!event || (!command.pair.empty() && event->pair != command.pair)) continue;
    const std::string line = command.json ? event_json(*event) : text_of(*event);
    if (!line.empty()) context.out(line + "\n");
  }
  return kExitDone;
}

/// By day. A person without rights in the installation's logs has an own one.
std::vector<std::string> audit_files(const Config& config) {
  std::set<std::pair<std::string, std::string>> found;
  for (const std::string& logs : {config.log_dir, config.state_dir + "/logs"}) {
    std::error_code error;
    for (std::filesystem::directory_iterator it(logs + "/sync", error), end; !error && it != end; it.increment(error)) {
      const std::string name = it->path().filename().string();
      if (name.starts_with("audit_") && name.ends_with(".log")) found.insert({name, it->path().string()});
    }
  }
  std::vector<std::string> out;
  for (const auto& [name, path] : found) out.push_back(path);
  return out;
}

std::string padded(std::string text, size_t width) {
  text.resize(std::max(text.size() + 2, width), ' ');
  return text;
}

/// A line of the audit log for people: when, pair, side, what, where, and why and for whom.
std::string audit_text(const std::string& line) {
  auto members = json_members(line);
  if (!members) return escape_bytes(line);
  auto& m = *members;
  // Where the bytes are not UTF-8 the member is escaped already.
  const auto path = [&m](const std::string& name) {
    const std::string shown = m.contains(name + "_b64") ? m[name] : escape_bytes(m[name]);
    return shown.empty() ? std::string(".") : shown;
  };
  std::string out = str(escape_bytes(m["at"]), "  ", padded(escape_bytes(m["pair"]), 6),
                        padded(escape_bytes(m["side"]), 8), padded(escape_bytes(m["operation"]), 18));
  if (m.contains("moved_from")) out += str(path("moved_from"), " -> ");
  out += str(path("path"), "  (", escape_bytes(m["why"]), "; ", escape_bytes(m["asked_by"]), ")");
  if (m.contains("version")) out += str(" [", escape_bytes(m["version"]), "]");
  return out;
}

/// The last operations that were applied here, oldest first: lines of the audit log as they are.
std::deque<std::string> last_operations(const Config& config, const std::string& pair) {
  const std::string wanted = str("\"pair\":", json_text(pair), ",");
  std::deque<std::string> lines;
  const auto files = audit_files(config);
  for (auto file = files.rbegin(); file != files.rend() && lines.size() < kShown; ++file) {
    std::ifstream in(*file);
    std::deque<std::string> of_day;
    for (std::string line; std::getline(in, line);) {
      if (!pair.empty() && line.find(wanted) == std::string::npos) continue;
      of_day.push_back(std::move(line));
      if (of_day.size() + lines.size() > kShown) of_day.pop_front();
    }
    lines.insert(lines.begin(), of_day.begin(), of_day.end());
  }
  return lines;
}

}  // namespace

Result<int> run_events(CliContext& context, const EventsCommand& command) {
  if (command.follow) return follow(context, command);
  const auto lines = last_operations(context.config, command.pair);
  for (const auto& line : lines) context.out((command.json ? line : audit_text(line)) + "\n");
  if (lines.empty() && !command.json)
    context.out(str("nothing yet", command.pair.empty() ? "" : " of " + escape_bytes(command.pair), "\n"));
  return kExitDone;
}

}  // namespace twsync
