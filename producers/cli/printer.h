#pragma once
// How the events of a run appear: JSON lines, plain lines, or a terminal with a progress line.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/wire/messages.h"

namespace twsync {

/// Takes finished text, newlines included.
using TextSink = std::function<void(std::string_view)>;

class EventPrinter {
 public:
  virtual ~EventPrinter() = default;
  /// Every event but the summary.
  virtual void event(const Event& event) = 0;
  /// The last call.
  virtual void summary(const Summary& summary) = 0;
};

struct PrinterOptions {
  std::string pair;  ///< JSON: of every line; empty = not named
  bool json = false;
  bool quiet = false;
  bool dry_run = false;
  bool terminal = false;  ///< a progress line that is overwritten
  bool colours = false;
  size_t columns = 80;              ///< of the terminal
  std::function<int64_t()> now_ns;  ///< steady; for rates and for how often progress shows
};

/// `sink` gets what belongs on stdout.
std::unique_ptr<EventPrinter> make_printer(const PrinterOptions& options, TextSink sink);
std::unique_ptr<EventPrinter> make_json_printer(TextSink sink, std::string pair = {});

/// "1.4 MB", "812 B".
std::string human_bytes(uint64_t bytes);
/// "1:02:03", "0:07".
std::string human_duration(int64_t nanoseconds);
/// "deploy  write  a/b": one operation for people, path escaped.
std::string operation_text(const Operation& operation);
/// The last lines of a run, and what to do next where something remains.
std::string summary_text(const Summary& summary);

/// The exit code that a summary means.
int summary_exit_code(const Summary& summary);

}  // namespace twsync
