#include <algorithm>
#include <array>
#include <cstdio>

#include "common/app/exit_codes.h"
#include "common/base/text.h"
#include "producers/cli/paint.h"
#include "producers/cli/printer.h"
#include "producers/cli/rate.h"

namespace twsync {

namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kTerminalEvery = kSecondNs / 10;
constexpr int64_t kPlainEvery = 10 * kSecondNs;

const char* verb(OpKind kind) {
  switch (kind) {
    case OpKind::make_directory:
      return "mkdir";
    case OpKind::rename:
      return "rename";
    case OpKind::put_file:
      return "write";
    case OpKind::put_symlink:
      return "link";
    case OpKind::set_metadata:
      return "attributes";
    case OpKind::remove:
      return "remove";
    case OpKind::remove_directory:
      return "rmdir";
    case OpKind::link:
      return "hardlink";
  }
  return "change";
}

std::string shown(const std::string& path) {
  return path.empty() ? "." : escape_bytes(path);
}

class TextPrinter final : public EventPrinter {
 public:
  TextPrinter(const PrinterOptions& options, TextSink sink) : options_(options), sink_(std::move(sink)) {}

  void event(const Event& event) override {
    switch (event.kind) {
      case EventKind::operation:
        operation(event);
        break;
      case EventKind::conflict:
        line("conflict", Colour::warning, event);
        break;
      case EventKind::parked:
        line("parked", Colour::warning, event);
        break;
      case EventKind::skipped:
        line("skipped", Colour::faint, event);
        break;
      case EventKind::progress:
        if (event.progress && !options_.quiet) progress(*event.progress);
        break;
      case EventKind::note:
        if (!options_.quiet && !event.text.empty()) print(escape_bytes(event.text));
        break;
      default:
        break;
    }
  }

  void summary(const Summary& summary) override {
    clear();
    if (options_.quiet && summary_exit_code(summary) == kExitDone) return;
    if (summary.error.code != ErrorCode::ok && summary.operations == 0) return;  // the error says it all
    if (summary.error.code == ErrorCode::ok) return sink_(summary_text(summary));
    Summary achieved = summary;  // the reason goes to stderr
    achieved.error = Error{};
    achieved.in_sync = false;
    achieved.pending = 0;
    sink_(summary_text(achieved));
  }

 private:
  void operation(const Event& event) {
    if (!event.operation) return;
    const bool failed = event.code != ErrorCode::ok;
    if (!failed && (options_.quiet || !options_.dry_run)) return;
    std::string text = operation_text(*event.operation);
    if (failed)
      text = str(paint(options_.colours, Colour::bad, "failed:"), " ", text, ": ",
                 event.text.empty() ? to_string(event.code) : escape_bytes(event.text));
    print(text);
  }

  void line(const char* what, Colour colour, const Event& event) {
    std::string text = str(paint(options_.colours, colour, str(what, ":")), " ", shown(event.path));
    if (!event.text.empty()) text += str(": ", escape_bytes(event.text));
    if (!event.item.empty()) text += str(" [", escape_bytes(event.item), "]");
    print(text);
  }

  void progress(const Progress& progress) {
    const int64_t now = options_.now_ns ? options_.now_ns() : 0;
    if (progress.stage != stage_) rate_ = Rate();
    rate_.note(now, progress.bytes_done);
    const int64_t every = options_.terminal ? kTerminalEvery : kPlainEvery;
    if (last_shown_ns_ < 0 && !options_.terminal) last_shown_ns_ = now;  // a short run shows its end only
    const bool due =
        last_shown_ns_ < 0 || now - last_shown_ns_ >= every || (options_.terminal && progress.stage != stage_);
    stage_ = progress.stage;
    if (!due) return;
    last_shown_ns_ = now;
    const std::string text = progress_text(progress);
    if (!options_.terminal) {
      sink_(text + "\n");
      return;
    }
    sink_(str("\r\x1b[K", text.substr(0, options_.columns > 1 ? options_.columns - 1 : 0)));
    line_open_ = true;
  }

  std::string progress_text(const Progress& progress) const {
    std::string out = escape_bytes(progress.stage);
    out += str("  ", progress.files_done);
    if (progress.files_total > 0) out += str("/", progress.files_total);
    out += " files";
    if (progress.bytes_total > 0 || progress.bytes_done > 0) {
      out += str("  ", human_bytes(progress.bytes_done));
      if (progress.bytes_total > 0) out += str("/", human_bytes(progress.bytes_total));
    }
    const uint64_t speed = rate_.per_second();
    if (speed > 0) {
      out += str("  ", human_bytes(speed), "/s");
      if (progress.bytes_total > progress.bytes_done) {
        const double left =
            static_cast<double>(progress.bytes_total - progress.bytes_done) / static_cast<double>(speed);
        out += str("  ", human_duration(static_cast<int64_t>(left * 1e9)), " left");
      }
    }
    return out;
  }

  void clear() {
    if (line_open_) sink_("\r\x1b[K");
    line_open_ = false;
  }

  void print(const std::string& text) {
    clear();
    sink_(text + "\n");
  }

  PrinterOptions options_;
  TextSink sink_;
  Rate rate_;
  std::string stage_;
  int64_t last_shown_ns_ = -1;
  bool line_open_ = false;
};

}  // namespace

std::string human_bytes(uint64_t bytes) {
  static constexpr std::array<const char*, 6> kUnits = {"B", "kB", "MB", "GB", "TB", "PB"};
  if (bytes < 1000) return str(bytes, " B");
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.1f %s", value, kUnits[unit]);
  return buffer;
}

std::string human_duration(int64_t nanoseconds) {
  const int64_t seconds = std::max<int64_t>(0, nanoseconds / kSecondNs);
  char buffer[48];
  if (seconds >= 3600) {
    std::snprintf(buffer, sizeof buffer, "%lld:%02d:%02d", static_cast<long long>(seconds / 3600),
                  static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60));
  } else {
    std::snprintf(buffer, sizeof buffer, "%d:%02d", static_cast<int>(seconds / 60), static_cast<int>(seconds % 60));
  }
  return buffer;
}

std::string operation_text(const Operation& operation) {
  std::string out = str(operation.side == Side::code ? "code    " : "deploy  ", verb(operation.kind));
  out.resize(std::max<size_t>(out.size() + 2, 20), ' ');
  if (operation.kind == OpKind::rename) return str(out, shown(operation.from), " -> ", shown(operation.path));
  out += shown(operation.path);
  if (operation.kind == OpKind::put_symlink) out += str(" -> ", escape_bytes(operation.desired.target));
  if (operation.kind == OpKind::link) out += str(" = ", shown(operation.from));
  return out;
}

std::string summary_text(const Summary& summary) {
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.1f", static_cast<double>(summary.duration_ns) / 1e9);
  std::string out =
      str(summary.dry_run ? "dry run: " : "", summary.operations,
          summary.operations == 1 ? " operation" : " operations", summary.dry_run ? " would be done" : "");
  if (!summary.dry_run)
    out += str(", ", human_bytes(summary.bytes_sent), " sent, ", human_bytes(summary.bytes_received), " received");
  const auto add = [&](uint64_t count, const char* what) {
    if (count > 0) out += str(", ", count, " ", what);
  };
  add(summary.failed, "failed");
  add(summary.conflicts, summary.conflicts == 1 ? "conflict" : "conflicts");
  add(summary.parked, "parked");
  if (!summary.dry_run) add(summary.pending, "left pending");
  add(summary.skipped, "skipped");
  out += str(", ", seconds, " s\n");
  if (summary.error.code != ErrorCode::ok) {
    out += str("it ended early: ", describe(summary.error), "\n");
  } else if (summary.in_sync) {
    out += "both sides agree\n";
  } else if (!summary.dry_run && summary.parked == 0 && summary.failed == 0 && summary.pending > 0) {
    out += summary.skipped == 0 ? "what is left pending is carried over by a run without a direction\n"
                                : "what is left pending is what a direction held back, or what was skipped\n";
  }
  if (summary.parked > 0) out += "parked items wait for a decision: twsync conflicts\n";
  return out;
}

int summary_exit_code(const Summary& summary) {
  if (summary.error.code != ErrorCode::ok) return exit_code(summary.error.code);
  if (summary.guarded > 0 && summary.operations == 0 && summary.failed == 0) return kExitGuard;
  return summary.failed > 0 || summary.parked > 0 ? kExitRemains : kExitDone;
}

std::unique_ptr<EventPrinter> make_printer(const PrinterOptions& options, TextSink sink) {
  if (options.json) return make_json_printer(std::move(sink), options.pair);
  return std::make_unique<TextPrinter>(options, std::move(sink));
}

}  // namespace twsync
