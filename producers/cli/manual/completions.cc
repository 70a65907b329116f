#include <set>

#include "common/base/text.h"
#include "producers/cli/manual/manual.h"

namespace twsync {

namespace {

// Inside single quotes of a shell.
std::string quoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out;
}

std::string words_of(const std::vector<OptionText>& options) {
  std::string out;
  for (const auto& option : options) {
    if (!option.positional) out += str(option.name, " ");
  }
  return out;
}

/// Options whose value is a word of its own: it is no command. A pattern of "a|b".
std::string with_values(const ProgramText& program) {
  std::set<std::string> names;
  const auto add = [&names](const std::vector<OptionText>& options) {
    for (const auto& option : options) {
      if (!option.positional && !option.value.empty()) names.insert(option.name);
    }
  };
  add(program.options);
  for (const auto& command : program.commands) add(command.options);
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : "|") + name;
  return out;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

/// First words ("keys") with the second ones that they take ("exchange show rotate").
std::vector<std::pair<std::string, std::string>> first_words(const ProgramText& program) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& command : program.commands) {
    const size_t space = command.name.find(' ');
    const std::string first = command.name.substr(0, space);
    if (out.empty() || out.back().first != first) out.push_back({first, {}});
    if (space != std::string::npos) out.back().second += command.name.substr(space + 1) + " ";
  }
  return out;
}

bool takes_file(const OptionText& option) {
  return option.value == "FILE" || option.value == "DIR";
}

}  // namespace

std::string bash_completion(const ProgramText& program) {
  std::string names;
  std::string seconds;
  for (const auto& [first, second] : first_words(program)) {
    names += first + " ";
    if (!second.empty()) seconds += str("    ", first, ") verbs='", quoted(second), "' ;;\n");
  }
  std::string options;
  std::string values;
  const auto add_values = [&values](const OptionText& option) {
    if (option.choices.empty()) return;
    values += str("    ", option.name, ") COMPREPLY=($(compgen -W '", quoted(joined(option.choices)),
                  "' -- \"$cur\")); return ;;\n");
  };
  for (const auto& option : program.options) add_values(option);
  for (const auto& command : program.commands) {
    options += str("    '", command.name, "') words='", quoted(words_of(command.options)), "' ;;\n");
    for (const auto& option : command.options) add_values(option);
  }
  std::string files;
  for (const auto& option : program.options) {
    if (takes_file(option)) files += (files.empty() ? "" : "|") + option.name;
  }
  return str(
      "# bash completion of twsync\n_twsync() {\n",
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} word command= verbs= words= value=\n",
      "  COMPREPLY=()\n  case $prev in\n    ", files, "|--to) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n",
      values, "  esac\n", "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n",
      "    if [ -n \"$value\" ]; then value=; continue; fi\n    case $word in\n      ", with_values(program),
      ") value=1 ;;\n      -*) ;;\n",
      "      *) if [ -z \"$command\" ]; then command=$word; elif [ -n \"$verbs\" ]; then command=\"$command "
      "$word\"; verbs=; fi\n",
      "         case $command in\n", seconds, "         esac ;;\n    esac\n  done\n",
      "  case $command in\n    '') words='", quoted(names), "' ;;\n", options, "  esac\n",
      "  [ -z \"$verbs\" ] || words=$verbs\n",
      "  if [ -n \"$command\" ] && [ -z \"$verbs\" ]; then COMPREPLY=($(compgen -f -- \"$cur\")); fi\n",
      "  COMPREPLY+=($(compgen -W \"$words ", quoted(words_of(program.options)),
      "\" -- \"$cur\"))\n}\ncomplete -o filenames -F _twsync twsync\n");
}

std::string fish_completion(const ProgramText& program) {
  std::string out = "# fish completion of twsync\n";
  for (const auto& option : program.options) {
    out += str("complete -c twsync -l ", option.name.substr(2), option.value.empty() ? "" : " -r",
               takes_file(option) ? " -F" : "",
               option.choices.empty() ? "" : str(" -f -a '", quoted(joined(option.choices)), "'"), " -d '",
               quoted(option.about), "'\n");
  }
  for (const auto& [first, second] : first_words(program)) {
    std::string about;
    for (const auto& command : program.commands) {
      if (command.name == first) about = command.about;
    }
    out += str("complete -c twsync -n __fish_use_subcommand -f -a ", first, " -d '", quoted(about), "'\n");
  }
  for (const auto& command : program.commands) {
    const size_t space = command.name.find(' ');
    const std::string first = command.name.substr(0, space);
    const std::string seen = str("'__fish_seen_subcommand_from ", first, "'");
    if (space != std::string::npos)
      out += str("complete -c twsync -n ", seen, " -f -a ", command.name.substr(space + 1), " -d '",
                 quoted(command.about), "'\n");
    for (const auto& option : command.options) {
      if (option.positional) continue;
      out += str("complete -c twsync -n ", seen, " -l ", option.name.substr(2), option.value.empty() ? "" : " -r",
                 option.choices.empty() ? "" : str(" -f -a '", quoted(joined(option.choices)), "'"), " -d '",
                 quoted(option.about), "'\n");
    }
  }
  return out;
}

namespace {

// In zsh's "--name[about]:value:action" brackets, colons and backslashes are escaped.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return quoted(out);
}

std::string zsh_option(const OptionText& option) {
  std::string out = str("'*", option.name, "[", zsh_text(option.about), "]");
  if (!option.choices.empty()) {
    out += str(":which:(", joined(option.choices), ")");
  } else if (!option.value.empty()) {
    out += str(":", zsh_text(option.value), ":", takes_file(option) ? "_files" : "");
  }
  return out + "'";
}

}  // namespace

std::string zsh_completion(const ProgramText& program) {
  std::string out =
      "#compdef twsync\n# zsh completion of twsync\n_twsync() {\n  local -a common options commands verbs\n";
  out += "  common=(\n";
  for (const auto& option : program.options) out += "    " + zsh_option(option) + "\n";
  out += "  )\n  commands=(\n";
  for (const auto& [first, second] : first_words(program)) {
    std::string about = second;
    for (const auto& command : program.commands) {
      if (command.name == first) about = command.about;
    }
    out += str("    '", first, ":", zsh_text(about), "'\n");
  }
  out += str("  )\n  local -a plain; local word value\n  for word in ${words[2,CURRENT-1]}; do\n",
             "    if [[ -n $value ]]; then value=; continue; fi\n    case $word in\n      ", with_values(program),
             ") value=1 ;;\n      -*) ;;\n      *) plain+=($word) ;;\n    esac\n  done\n");
  out +=
      "  if (( ${#plain} == 0 )); then _describe command commands; _arguments $common; return; fi\n  case $plain[1] "
      "in\n";
  for (const auto& [first, second] : first_words(program)) {
    out += str("    ", first, ")\n");
    if (!second.empty()) out += str("      verbs=(", second, "); (( ${#plain} < 2 )) && compadd -a verbs\n");
    out += "      options=(";
    for (const auto& command : program.commands) {
      if (command.name != first && !command.name.starts_with(first + " ")) continue;
      for (const auto& option : command.options) {
        if (!option.positional && option.name != "--help") out += "\n        " + zsh_option(option);
      }
    }
    out += ") ;;\n";
  }
  return out + "  esac\n  _arguments $common $options '*:file:_files'\n}\n_twsync \"$@\"\n";
}

}  // namespace twsync
