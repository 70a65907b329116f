#include "common/app/event_text.h"
#include "common/base/json_object.h"
#include "producers/cli/printer.h"

namespace twsync {

namespace {

// Notes and cycles are for people and subscribers; the summary comes by itself.
bool is_of_a_run(EventKind kind) {
  return kind != EventKind::note && kind != EventKind::cycle && kind != EventKind::cookie && kind != EventKind::summary;
}

void add_operation(JsonObject& out, const Operation& operation) {
  out.text("operation", to_string(operation.kind)).text("side", to_string(operation.side));
  if (operation.kind == OpKind::rename || operation.kind == OpKind::link) out.path("from", operation.from);
  if (operation.kind == OpKind::put_file) out.number("size", operation.desired.size);
}

void add_progress(JsonObject& out, const Progress& progress) {
  out.text("stage", progress.stage)
      .number("files_done", progress.files_done)
      .number("files_total", progress.files_total)
      .number("bytes_done", progress.bytes_done)
      .number("bytes_total", progress.bytes_total);
}

class JsonPrinter final : public EventPrinter {
 public:
  JsonPrinter(TextSink sink, std::string pair) : sink_(std::move(sink)), pair_(std::move(pair)) {}

  void event(const Event& event) override {
    if (!is_of_a_run(event.kind)) return;
    JsonObject out = line(event_name(event.kind));
    out.path("path", event.operation && event.path.empty() ? event.operation->path : event.path);
    if (event.operation) add_operation(out, *event.operation);
    if (event.progress) add_progress(out, *event.progress);
    if (!event.item.empty()) out.text("id", event.item);
    if (event.code != ErrorCode::ok) out.text("code", to_string(event.code));
    if (!event.text.empty()) out.text("text", event.text);
    sink_(out.str_value() + "\n");
  }

  void summary(const Summary& summary) override {
    JsonObject out = line("summary");
    out.path("path", "")
        .number("operations", summary.operations)
        .number("failed", summary.failed)
        .number("bytes_sent", summary.bytes_sent)
        .number("bytes_received", summary.bytes_received)
        .number("content_bytes", summary.content_bytes)
        .number("conflicts", summary.conflicts)
        .number("parked", summary.parked)
        .number("pending", summary.pending)
        .number("skipped", summary.skipped)
        .flag("in_sync", summary.in_sync)
        .flag("dry_run", summary.dry_run)
        .seconds("seconds", summary.duration_ns);
    if (summary.error.code != ErrorCode::ok) {
      out.text("error", to_string(summary.error.code)).text("text", describe(summary.error));
    }
    sink_(out.str_value() + "\n");
  }

 private:
  JsonObject line(std::string_view event) const {
    JsonObject out;
    out.text("event", event);
    if (!pair_.empty()) out.text("pair", pair_);
    return out;
  }

  TextSink sink_;
  std::string pair_;
};

}  // namespace

std::unique_ptr<EventPrinter> make_json_printer(TextSink sink, std::string pair) {
  return std::make_unique<JsonPrinter>(std::move(sink), std::move(pair));
}

}  // namespace twsync
