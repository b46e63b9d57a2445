#include "scenarios/cli.hpp"

#include <new>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "scenarios/commands/commands.hpp"
#include "scenarios/console.hpp"
#include "scenarios/help_text.hpp"
#include "scenarios/output_files.hpp"
#include "scenarios/version.hpp"
#include "sim/engine.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

std::string first_line(std::string_view text) { return std::string(text.substr(0, text.find('\n'))); }

std::vector<std::string> command_names() {
  std::vector<std::string> all;
  for (const auto& command : commands()) all.emplace_back(command.name);
  return all;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> all;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) all.push_back("--" + name);
  return all;
}

// The parser gives an option whatever word follows it; a word that is itself an option was not meant as a value.
void refuse_options_as_values(CLI::App& command) {
  for (CLI::Option* option : command.get_options()) {
    if (option->get_expected_min() == 0) continue;  // a flag
    option->check(CLI::Validator(
        [&command](const std::string& word) {
          const std::string name = word.substr(0, word.find('='));
          const bool is_option = name.starts_with('-') && command.get_option_no_throw(name) != nullptr;
          return is_option ? fmt::format("expected a value, found the option {}", name) : std::string();
        },
        ""));
  }
}

// What the parser did not understand, in our words.
std::string usage_fault(const CLI::App& app, const CLI::App* command, const CLI::ParseError& error) {
  // Words before the command are left over in the program, those after it in the command.
  const CLI::App& reader = command && !command->remaining().empty() ? *command : app;
  const std::vector<std::string> rest = reader.remaining();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr && !rest.empty()) {
    const std::string& word = rest.front();
    if (word.starts_with('-'))
      return "unknown option " + quote_unknown(word.substr(0, word.find('=')), option_names(reader));
    return command ? "unexpected argument " + quote(word) : "unknown command " + quote_unknown(word, command_names());
  }
  std::string what = first_line(error.what());
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    const std::size_t end = what.find(" is required");
    if (end != std::string::npos) return "missing argument " + what.substr(0, end);
  }
  return what;
}

int fail(const std::string& message, int code) {
  std::string all;
  std::string_view rest = message;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    all += fmt::format("error: {}\n", rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  print_error(all);
  return code;
}

std::string how_to_report() {
  return fmt::format(
      "this is a bug in orrery {}, not in your input: please report it with the command line and the scenario",
      version());
}

// Runs the chosen command and maps what it throws to exit codes.
int run_guarded(const CommandAction& action, const std::string& name) {
  try {
    return action();
  } catch (const SpecError& error) {
    return fail(error.what(), exit_bad_input);
  } catch (const UsageError& error) {
    return fail(fmt::format("orrery {}: {}", name, error.what()), exit_bad_input);
  } catch (const IoError& error) {
    return fail(error.what(), exit_failed);
  } catch (const KilledError& error) {
    return fail(fmt::format("{}; fewer devices need less, and `--fidelity analytic` less than flow", error.what()),
                exit_failed);
  } catch (const std::bad_alloc&) {
    return fail("out of memory; fewer devices need less, and `--fidelity analytic` less than flow", exit_failed);
  } catch (const StuckError& error) {
    return fail(fmt::format("{}\n{}", error.what(), how_to_report()), exit_failed);
  } catch (const std::exception& error) {
    return fail(fmt::format("{}\n{}", error.what(), how_to_report()), exit_failed);
  }
}

}  // namespace

int run_command_line(int argc, char** argv) {
  install_signal_handlers();
  Invocation invocation{{"orrery"}, std::chrono::steady_clock::now()};
  for (int i = 1; i < argc; ++i) invocation.command_line.emplace_back(argv[i]);

  CLI::App app("", "orrery");
  bool version_wanted = false;
  app.add_flag("--version", version_wanted, "Print the version");
  std::vector<std::pair<CLI::App*, CommandAction>> actions;
  for (const auto& command : commands()) {
    CLI::App* sub = app.add_subcommand(std::string(command.name), std::string(command.description));
    actions.emplace_back(sub, command.value(*sub, invocation));
    refuse_options_as_values(*sub);
  }
  const auto chosen = [&]() -> const std::pair<CLI::App*, CommandAction>* {
    for (const auto& action : actions)
      if (action.first->parsed()) return &action;
    return nullptr;
  };
  const auto help = [&] { print(chosen() ? help_page(*chosen()->first) : overview()); };
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return run_guarded([&] { return help(), exit_done; }, "");
  } catch (const CLI::ParseError& error) {
    const CLI::App* command = chosen() ? chosen()->first : nullptr;
    const std::string name = command ? "orrery " + command->get_name() : "orrery";
    return fail(fmt::format("{}: {}; see `{} --help`", name, usage_fault(app, command, error), name), exit_bad_input);
  }
  if (version_wanted) return run_guarded([&] { return print("orrery " + version() + "\n"), exit_done; }, "");
  if (!chosen()) {
    print_error(overview());
    return exit_bad_input;
  }
  return run_guarded(chosen()->second, chosen()->first->get_name());
}

}  // namespace orrery
