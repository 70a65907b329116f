#include "producers/cli/command_help.h"

#include <utility>

#include "common/app/settings.h"
#include "common/base/text.h"

namespace twsync {

namespace {

using Apps = std::vector<const CLI::App*>;
using Options = std::vector<const CLI::Option*>;

/// A value's type and nothing else: no "x 2", "REQUIRED" or "Excludes:".
class PlainFormatter final : public CLI::Formatter {
 public:
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_type_size() == 0 || option->get_positional()) return {};
    return " " + option->get_type_name();
  }
  std::string make_option_name(const CLI::Option* option, bool positional) const override {
    return positional ? positional_name(*option) : CLI::Formatter::make_option_name(option, false);
  }
  std::string make_option_usage(const CLI::Option* option) const override {
    return option->get_required() ? positional_name(*option) : "[" + positional_name(*option) + "]";
  }
};

/// From the program down to the command that was typed.
Apps chosen(const CLI::App& app) {
  Apps out{&app};
  for (auto next = app.get_subcommands(); !next.empty(); next = out.back()->get_subcommands())
    out.push_back(next.front());
  return out;
}

Apps all_subcommands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* sub) { return !sub->get_name().empty() && !sub->get_group().empty(); });
}

const CLI::App* subcommand(const CLI::App& app, const std::string& name) {
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (sub->get_name() == name) return sub;
  }
  return nullptr;
}

std::vector<std::string> names_of(const Apps& apps) {
  std::vector<std::string> out;
  for (const CLI::App* app : apps) out.push_back(app->get_name());
  return out;
}

const CLI::Option* option_of(const Apps& apps, const std::string& name) {
  for (const CLI::App* app : apps) {
    for (const CLI::Option* option : app->get_options()) {
      if (option->check_lname(name.substr(2))) return option;
    }
  }
  return nullptr;
}

std::vector<std::string> option_names(const Apps& apps) {
  std::vector<std::string> out;
  for (const CLI::App* app : apps) {
    for (const CLI::Option* option : app->get_options()) {
      for (const auto& name : option->get_lnames()) out.push_back("--" + name);
    }
  }
  return out;
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
  const std::string guess = nearest(word, known);
  return guess.empty() ? "" : str("unknown '", escape_bytes(word), "', did you mean '", guess, "'?");
}

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (size_t i = 0; i < words.size(); ++i) out += str(i == 0 ? "" : i + 1 == words.size() ? " or " : ", ", words[i]);
  return out;
}

/// "" when every word is known where it stands.
std::string unknown_word(const CLI::App& app, const std::vector<std::string>& args) {
  Apps here{&app};
  bool is_value = false;
  for (const auto& arg : args) {
    if (std::exchange(is_value, false)) continue;
    if (arg == "--") break;
    const std::string word = arg.substr(0, arg.find('='));
    if (word.starts_with("--")) {
      const CLI::Option* option = option_of(here, word);
      if (option == nullptr) return did_you_mean(word, option_names(here));
      is_value = word == arg && option->get_items_expected_max() > 0;
    } else if (!word.starts_with('-') && !all_subcommands(*here.back()).empty()) {
      const CLI::App* sub = subcommand(*here.back(), word);
      if (sub == nullptr) return did_you_mean(word, names_of(all_subcommands(*here.back())));
      here.push_back(sub);
    }
  }
  return {};
}

/// What CLI11 misses, with what may stand there.
std::string missing(const Apps& typed) {
  const CLI::App& last = *typed.back();
  std::string words;
  for (const CLI::App* app : typed) words += (words.empty() ? "" : " ") + app->get_name();
  if (typed.size() > 1 && !all_subcommands(last).empty())
    return str("`", words, "` takes one more word: ", listed(names_of(all_subcommands(last))));
  for (const CLI::Option* option : last.get_options()) {
    const auto choices = choices_of(*option);
    if (option->get_required() && option->count() == 0 && !choices.empty())
      return str("`", words, "` needs ", option->get_name(), " ", listed(choices));
  }
  return {};
}

}  // namespace

std::shared_ptr<CLI::FormatterBase> plain_formatter() {
  return std::make_shared<PlainFormatter>();
}

std::string help_of(const CLI::App& app) {
  const Apps typed = chosen(app);
  if (typed.size() == 1) return app.help();
  std::string before;
  for (size_t i = 0; i + 1 < typed.size(); ++i) before += (i == 0 ? "" : " ") + typed[i]->get_name();
  std::string out = typed.back()->help(before);
  while (out.ends_with("\n\n")) out.pop_back();
  const Options common = app.get_options([&app](const CLI::Option* option) {
    return option->nonpositional() && option != app.get_help_ptr() && option->get_name() != "--version";
  });
  return out + PlainFormatter().make_group("Options of every command", false, common);
}

std::string positional_name(const CLI::Option& option) {
  return option.get_option_text().empty() ? option.get_name(true) : option.get_option_text();
}

std::vector<std::string> choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  return type.find('|') == std::string::npos ? std::vector<std::string>{} : CLI::detail::split(type, '|');
}

std::string what_is_wrong(const CLI::App& app, const std::vector<std::string>& args, const std::string& failure) {
  std::string out = unknown_word(app, args);
  if (out.empty()) out = missing(chosen(app));
  if (out.empty()) out = escape_bytes(failure);
  return out.ends_with('?') ? out : out + "; see twsync --help";
}

}  // namespace twsync
