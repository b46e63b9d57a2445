#include "scenarios/help_text.hpp"

#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "scenarios/commands/commands.hpp"
#include "scenarios/version.hpp"

namespace orrery {

namespace {

constexpr std::size_t page_width = 100;

// `text` broken at spaces, every line after the first indented.
std::string wrapped(const std::string& text, std::size_t indent) {
  std::string all, line;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!line.empty() && indent + line.size() + 1 + word.size() > page_width) {
      all += line + "\n" + std::string(indent, ' ');
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return all + line + "\n";
}

std::string entry(const std::string& name, const std::string& text, std::size_t column) {
  std::string left = "  " + name;
  if (left.size() + 2 > column)
    left += "\n" + std::string(column, ' ');
  else
    left.resize(column, ' ');
  return left + wrapped(text, column);
}

std::string name_and_value(const CLI::Option& option) {
  const std::string value = option.get_type_name();
  if (option.get_positional()) return option.get_name(true, true);
  return option.get_name(false, true) + (option.get_type_size() == 0 || value.empty() ? "" : " " + value);
}

std::string usage(const CLI::App& command) {
  std::string text = "Usage: orrery " + command.get_name();
  for (const CLI::Option* option : command.get_options([](const CLI::Option* o) { return o->get_positional(); })) {
    const std::string name = option->get_name(true, true) + (option->get_items_expected_max() > 1 ? "..." : "");
    text += option->get_required() ? " " + name : " [" + name + "]";
  }
  return text + " [OPTIONS]\n\n";
}

}  // namespace

std::string overview() {
  std::string page = "orrery " + version() + ": a simulator of AI-accelerator clusters\n\n";
  page += wrapped(
      "Takes a scenario (machine, model, parallelization) as JSON and predicts iteration time, throughput, memory and "
      "energy, on one accelerator or on tens of thousands.",
      0);
  page += "\nUsage: orrery COMMAND [ARGUMENTS]\n\nCommands:\n";
  for (const auto& command : commands()) page += entry(std::string(command.name), std::string(command.description), 14);
  page +=
      "\nExamples:\n"
      "  orrery run gpt3-175b-1024-a100                     simulate a shipped scenario\n"
      "  orrery run my.json --set /jobs/0/plan/tensor=4     the same with one value changed\n"
      "  orrery show nvidia-h100-sxm5-80gb                  what is known of an accelerator, and from where\n"
      "\nFiles are written whole or not at all. A report or result is replaced only when it is an earlier one of the "
      "same\n"
      "kind; the folder of a file must be there, that of `run --out` is made. `calibrate` and `measure` write anew the "
      "entries they fitted.\n"
      "\nExit codes:\n"
      "  0 done   1 internal or I/O error   2 bad input or usage   3 does not fit in memory   130 interrupted\n"
      "\n`orrery COMMAND --help` explains a command; `orrery list` shows what is shipped; `orrery --version` the "
      "version.\n";
  return page;
}

std::string help_page(const CLI::App& command) {
  std::string page = usage(command) + wrapped(command.get_description(), 0);
  const auto section = [&](const char* title, bool positional) {
    const auto options = command.get_options([&](const CLI::Option* o) { return o->get_positional() == positional; });
    if (options.empty()) return;
    page += fmt::format("\n{}:\n", title);
    for (const CLI::Option* option : options) page += entry(name_and_value(*option), option->get_description(), 30);
  };
  section("Arguments", true);
  section("Options", false);
  const std::string footer = command.get_footer();
  return page + (footer.empty() ? "" : "\n" + footer + "\n");
}

}  // namespace orrery
