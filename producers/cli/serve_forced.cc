// twsync serve-forced: the forced command of the key that the other server reaches this one with.

#include <algorithm>
#include <cstdlib>

#include "common/base/text.h"
#include "producers/cli/context.h"
#include "producers/cli/forced_words.h"

namespace twsync {

namespace {

constexpr size_t kLongest = 64 * 1024;

Error denied() {
  return Error{ErrorCode::denied, "this key may only run 'publish' and 'status'", {}, 0};
}

bool decode_word(std::string_view word, std::string& out) {
  out.clear();
  for (size_t i = 0; i < word.size(); ++i) {
    if (word[i] != '%') {
      out += word[i];
      continue;
    }
    std::string byte;
    if (word.size() - i < 3 || !hex_decode(word.substr(i + 1, 2), byte) || byte[0] == '\0') return false;
    out += byte;
    i += 2;
  }
  return true;
}

bool is_plain(const Overrides& o) {
  return o.config.empty() && o.state_dir.empty() && !o.policy && o.exclude.empty() && !o.ssh_port &&
         o.ssh_key.empty() && o.known_hosts.empty();
}

}  // namespace

Result<Command> parse_forced_command(std::string_view text) {
  if (text.empty() || text.size() > kLongest) return denied();
  std::vector<std::string> words;
  for (size_t start = 0; start <= text.size();) {
    const size_t end = std::min(text.find(' ', start), text.size());
    if (!decode_word(text.substr(start, end - start), words.emplace_back())) return denied();
    start = end + 1;
  }
  auto line = parse_command_line(words);
  if (!line.ok() || !is_plain(line->overrides)) return denied();
  if (auto* publish = std::get_if<PublishCommand>(&line->command)) {
    publish->side = Side::deploy;
    return line->command;
  }
  if (const auto* status = std::get_if<StatusCommand>(&line->command); status != nullptr && !status->watch)
    return line->command;
  return denied();
}

Result<int> run_serve_forced(CliContext& context) {
  const char* asked = std::getenv("SSH_ORIGINAL_COMMAND");
  SYNC_ASSIGN(const Command command, parse_forced_command(asked == nullptr ? "" : asked));
  return run_command(context, command);
}

}  // namespace twsync
