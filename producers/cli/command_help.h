#pragma once
// What CLI11 says in its own words elsewhere: help, and what is wrong with what was typed. Part of command_line.cc.

#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <vector>

namespace twsync {

constexpr const char* kWhere = "PAIR | DIR TARGET";

std::shared_ptr<CLI::FormatterBase> plain_formatter();

/// Of the command that was typed, with the options of every command.
std::string help_of(const CLI::App& app);

/// "PAIR | DIR TARGET": as it is shown.
std::string positional_name(const CLI::Option& option);

/// The allowed values, where the option's type names them: "code|deploy|both".
std::vector<std::string> choices_of(const CLI::Option& option);

/// The nearest known word for the first unknown one; else what is missing, or `failure`.
std::string what_is_wrong(const CLI::App& app, const std::vector<std::string>& args, const std::string& failure);

}  // namespace twsync
