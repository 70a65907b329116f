#include <vector>

#include "common/base/text.h"
#include "producers/cli/manual/manual.h"

namespace twsync {

namespace {

// roff reads a leading '.' or "'" as a request, '\' as an escape and '-' as a hyphen.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) {
      out += str("\\&", std::string(1, c));
    } else if (c == '`') {
      out += "\\(ga";
    } else {
      out += c;
    }
  }
  return out;
}

std::string title(const char* name, int section, std::string_view version) {
  return str(".TH ", name, " ", section, " \"\" \"twsync ", version, "\" \"Two-way sync\"\n");
}

std::string tagged(const OptionText& option) {
  std::string value = option.value;
  for (size_t i = 0; i < option.choices.size(); ++i) value = (i == 0 ? "" : value + "|") + option.choices[i];
  std::string out = str(".TP\n\\fB", roff(option.name), "\\fR");
  if (!value.empty()) out += str(" \\fI", roff(value), "\\fR");
  return out + "\n" + roff(option.about.empty() ? option.name : option.about) + "\n";
}

std::string synopsis(const CommandText& command) {
  std::string out = str(".SS twsync ", roff(command.name));
  for (const auto& option : command.options) {
    if (option.name == "--help") continue;
    const std::string shown =
        option.positional || option.value.empty() ? option.name : option.name + " " + option.value;
    out += option.required ? str(" ", roff(shown)) : str(" [", roff(shown), "]");
  }
  return out + "\n";
}

constexpr std::string_view kTail = R"(.SH EXIT STATUS
.TP
0
done, conflicts that the policy decided and what a direction left pending included
.TP
1
done, but parked or failed items remain, or a disk, its space or a right failed the whole run; of \fBstatus\fR: a
pair is stale; of \fBdoctor\fR: there is a problem
.TP
2
usage or configuration
.TP
3
the other server is unreachable, or refused
.TP
4
internal error
.TP
5
a guard stopped it, and nothing was applied
.SH ON THE DEPLOY SERVER
\fBsync\fR, \fBstatus\fR, \fBpublish\fR and the git hook reach the code server's service over SSH, by a key that allows
just that; \fBtwsync keys exchange\fR on the code server puts it there. The other commands are for the code server.
.SH FILES
.TP
.I /opt/sutazaiapp/scripts/config/sync_config.sh
the configuration, see \fBtwsync\-config\fR(5); more pairs in \fIpairs.d/*.sh\fR beside it
.TP
.I /var/lib/twsync
state: what both sides agreed on, the queue, keys
.TP
.I ROOT/.twsync
on both servers: the pair's marker, the lock, and the version store with everything that was replaced or deleted
.TP
.I ~/.local/state/twsync/to\-code
on the deploy server: the key for the code server and its host keys
.TP
.I /opt/sutazaiapp/logs
logs
.SH SEE ALSO
\fBtwsync\-config\fR(5), \fBsystemctl\fR(1), \fBsshd\fR(8)
)";

struct ConfigEntry {
  std::string comment;
  std::vector<std::string> names;  ///< "NAME=default"
};

std::vector<ConfigEntry> config_entries(std::string_view text) {
  std::vector<ConfigEntry> out;
  ConfigEntry entry;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("#")) {
      const std::string_view words = line.substr(line.size() > 1 ? 2 : 1);
      if (!words.empty()) entry.comment += std::string(words) + "\n";
    } else if (!line.empty()) {
      entry.names.emplace_back(line);
    } else {
      if (!entry.comment.empty()) out.push_back(std::move(entry));
      entry = {};
    }
  }
  return out;
}

}  // namespace

std::string manual_page(const ProgramText& program, std::string_view version) {
  std::string out = title("TWSYNC", 1, version);
  out += ".SH NAME\ntwsync \\- keep a directory tree the same on two servers\n";
  out += ".SH SYNOPSIS\n\\fBtwsync\\fR [\\fIOPTION\\fR]... \\fICOMMAND\\fR [\\fIARGUMENT\\fR]...\n";
  out += ".SH DESCRIPTION\n" + roff(program.about) +
         "\nNothing that a person wrote is lost: every version that loses is kept and can be brought back.\n";
  out += ".SH COMMANDS\n";
  for (const auto& command : program.commands) {
    out += synopsis(command) + roff(command.about) + "\n";
    for (const auto& option : command.options) {
      if (option.name != "--help") out += tagged(option);
    }
  }
  out += ".SH OPTIONS\nOf every command; each goes before what the configuration says.\n";
  for (const auto& option : program.options) out += tagged(option);
  return out.append(kTail);
}

std::string config_page(std::string_view sync_config, std::string_view version) {
  std::string out = title("TWSYNC\\-CONFIG", 5, version);
  out += ".SH NAME\ntwsync\\-config \\- configuration of twsync\n.SH SYNOPSIS\n";
  out += ".I /opt/sutazaiapp/scripts/config/sync_config.sh\n.SH DESCRIPTION\n";
  bool in_names = false;
  for (const auto& entry : config_entries(sync_config)) {
    if (entry.names.empty()) {
      out += roff(entry.comment);
      continue;
    }
    if (!in_names) out += ".SH NAMES\n";
    in_names = true;
    out += ".TP\n";
    for (size_t i = 0; i < entry.names.size(); ++i) {
      out += str(i == 0 ? "" : ".TQ\n", "\\fB", roff(entry.names[i]), "\\fR\n");
    }
    out += roff(entry.comment);
  }
  return out + ".SH SEE ALSO\n\\fBtwsync\\fR(1)\n";
}

}  // namespace twsync
