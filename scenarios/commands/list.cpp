#include "scenarios/commands/list.hpp"

#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "scenarios/commands/scenario_options.hpp"
#include "scenarios/console.hpp"
#include "scenarios/presets.hpp"

namespace orrery {

namespace {

struct ListOptions {
  ScenarioOptions library;
  std::string category;
};

// The first, the middle and the last: names are sorted, so that neighbours are of one vendor.
std::string examples(const std::vector<std::string>& names) {
  std::string text;
  std::size_t before = names.size();
  for (const std::size_t i : {std::size_t{0}, names.size() / 2, names.size() - 1}) {
    if (names.empty() || i == before) continue;
    text += (text.empty() ? "" : ", ") + names[i];
    before = i;
  }
  return text;
}

TextTable categories(const Library& library) {
  TextTable table{{{"category"}, {"count", Align::right}, {"what"}, {"such as"}}, {}, {}};
  for (const auto& category : preset_categories()) {
    const std::vector<std::string> names = category.value.names(library);
    table.rows.push_back(
        {std::string(category.name), std::to_string(names.size()), std::string(category.description), examples(names)});
  }
  table.remarks = {"", "`orrery list CATEGORY` shows all of one, `orrery show NAME` everything about one name."};
  return table;
}

int list(const ListOptions& options) {
  const Library library = options.library.find_library();
  if (options.category.empty()) return print(categories(library).text()), exit_done;
  const auto* category = find(preset_categories(), options.category);
  if (!category)
    throw UsageError("unknown category " + quote_unknown(options.category, names(preset_categories())) +
                     "; `orrery list` shows them");
  print(category->value.table(library).text());
  return exit_done;
}

}  // namespace

CommandAction declare_list(CLI::App& app, const Invocation&) {
  auto options = std::make_shared<ListOptions>();
  app.description(
      "Shows the names that a scenario can use, with their main figures: hardware, models, software, "
      "topologies, algorithms, and the shipped scenarios.");
  std::string all;
  for (const auto& category : preset_categories()) all += (all.empty() ? "" : ", ") + std::string(category.name);
  app.add_option("CATEGORY", options->category, "One of " + all + "; without it: the categories");
  declare_library(app, options->library);
  app.footer("Examples:\n  orrery list\n  orrery list accelerators\n  orrery list scenarios");
  return [options] { return list(*options); };
}

}  // namespace orrery
