// twsync: the command line.

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "common/app/installation.h"
#include "common/app/run_main.h"
#include "producers/cli/context.h"

namespace {

using namespace twsync;

TextSink file_sink(std::FILE* file) {
  return [file](std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), file);
    std::fflush(file);
  };
}

bool terminal_colours() {
  const auto set_to = [](const char* name) -> std::string_view {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  return ::isatty(STDOUT_FILENO) == 1 && set_to("NO_COLOR").empty() && set_to("TERM") != "dumb";
}

size_t terminal_columns() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

Result<int> run(const std::vector<std::string>& args, Signals& signals) {
  SYNC_ASSIGN(const CommandLine line, parse_command_line(args));
  if (const auto* text = std::get_if<TextCommand>(&line.command)) {
    file_sink(stdout)(text->text);
    return kExitDone;
  }
  Overrides overrides = line.overrides;
  // What init writes need not be there yet.
  const bool fresh = std::holds_alternative<InitCommand>(line.command) && !overrides.config.empty() &&
                     ::access(overrides.config.c_str(), F_OK) != 0;
  if (fresh) overrides.config.clear();
  SYNC_ASSIGN(Config config, load_config(overrides));
  if (fresh) config.overrides.config = config.file = absolute_path(line.overrides.config);
  CliContext context{std::move(config),  signals.stop(),     run_embedded,
                     file_sink(stdout),  file_sink(stderr),  ::isatty(STDOUT_FILENO) == 1,
                     terminal_colours(), terminal_columns(), executable_directory() + "/twsync-agent"};
  return run_command(context, line.command);
}

}  // namespace

int main(int argc, char** argv) {
  return twsync::run_main(argc, argv, run);
}
