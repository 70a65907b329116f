#include "common/app/event_text.h"

#include "common/base/json_object.h"
#include "common/base/text.h"

namespace twsync {

std::string event_line(const Event& event) {
  const auto line = [&](const char* what) {
    std::string out = str(event.pair, ": ", what);
    if (!event.path.empty()) out += str(" ", escape_bytes(event.path));
    if (!event.text.empty()) out += str(": ", escape_bytes(event.text));
    if (!event.item.empty()) out += str(" [", event.item, "]");
    return out;
  };
  switch (event.kind) {
    case EventKind::conflict:
      return line("conflict");
    case EventKind::parked:
      return line("parked");
    case EventKind::note:
      return line("note");
    case EventKind::cycle: {
      std::string out = line("cycle");
      if (event.summary) {
        const Summary& s = *event.summary;
        out += str(": ", s.operations, " operations, ", s.failed, " failed, ", s.conflicts, " conflicts, ", s.parked,
                   " parked, ", s.in_sync ? "in sync" : "not in sync");
        if (s.error.code != ErrorCode::ok) out += str(", ", describe(s.error));
      }
      return out;
    }
    default:
      return {};
  }
}

std::string event_name(EventKind kind) {
  switch (kind) {
    case EventKind::operation:
      return "operation";
    case EventKind::conflict:
      return "conflict";
    case EventKind::parked:
      return "parked";
    case EventKind::skipped:
      return "skipped";
    case EventKind::progress:
      return "progress";
    case EventKind::summary:
      return "summary";
    case EventKind::note:
      return "note";
    case EventKind::cycle:
      return "cycle";
    default:
      return {};
  }
}

LogFields event_fields(const Event& event) {
  return {{"TWSYNC_PAIR", event.pair},
          {"TWSYNC_EVENT", event_name(event.kind)},
          {"TWSYNC_PATH", event.path},
          {"TWSYNC_ID", event.item}};
}

namespace {

void add_summary(JsonObject& out, const Summary& summary) {
  out.number("operations", summary.operations)
      .number("failed", summary.failed)
      .number("bytes_sent", summary.bytes_sent)
      .number("bytes_received", summary.bytes_received)
      .number("conflicts", summary.conflicts)
      .number("parked", summary.parked)
      .number("pending", summary.pending)
      .number("skipped", summary.skipped)
      .flag("in_sync", summary.in_sync)
      .flag("dry_run", summary.dry_run)
      .seconds("seconds", summary.duration_ns);
  if (summary.error.code != ErrorCode::ok) out.text("error", describe(summary.error));
}

}  // namespace

std::string event_json(const Event& event) {
  const std::string name = event_name(event.kind);
  if (name.empty()) return {};
  JsonObject out;
  out.text("event", name).time("at", event.at_ns).text("pair", event.pair).number("cycle", event.cycle);
  const bool about_a_path = event.operation || !event.path.empty();
  if (about_a_path) out.path("path", event.path.empty() ? event.operation->path : event.path);
  if (event.operation)
    out.text("operation", to_string(event.operation->kind)).text("side", to_string(event.operation->side));
  if (event.operation && event.operation->kind == OpKind::rename) out.path("from", event.operation->from);
  if (event.code != ErrorCode::ok) out.text("code", to_string(event.code));
  if (!event.item.empty()) out.text("id", event.item);
  if (!event.text.empty()) out.text("text", event.text);
  if (event.summary) add_summary(out, *event.summary);
  if (event.progress)
    out.text("stage", event.progress->stage)
        .number("files_done", event.progress->files_done)
        .number("files_total", event.progress->files_total)
        .number("bytes_done", event.progress->bytes_done)
        .number("bytes_total", event.progress->bytes_total);
  return out.str_value();
}

}  // namespace twsync
