// `orrery list`, `orrery show` and the help pages.
#include <filesystem>
#include <string>

#include <catch2/catch.hpp>

#include "scenarios/commands/commands.hpp"
#include "scenarios/presets.hpp"
#include "sim/json.hpp"
#include "tests/scenarios/small_scenario.hpp"
#include "tests/support/run_orrery.hpp"
#include "topologies/wiring.hpp"

using namespace orrery;
using namespace orrery::test;
using Catch::Matchers::Contains;

TEST_CASE("help names every command, and every command explains itself") {
  const Outcome overview = run_orrery({"--help"});
  CHECK(overview.exit_code == 0);
  for (const auto& command : commands()) {
    CHECK_THAT(overview.out, Contains("\n  " + std::string(command.name)));
    const Outcome page = run_orrery({std::string(command.name), "--help"});
    CHECK(page.exit_code == 0);
    CHECK(page.err == "");
    CHECK_THAT(page.out, Contains("Usage: orrery " + std::string(command.name)) && Contains("Options:"));
  }
}

TEST_CASE("help of a program without arguments goes to standard error with exit code 2") {
  const Outcome outcome = run_orrery({});
  CHECK(outcome.exit_code == 2);
  CHECK(outcome.out == "");
  CHECK_THAT(outcome.err, Contains("Commands:"));
}

TEST_CASE("version is one line") {
  const Outcome outcome = run_orrery({"--version"});
  CHECK(outcome.exit_code == 0);
  CHECK_THAT(outcome.out, Catch::Matchers::StartsWith("orrery 0.") && Catch::Matchers::EndsWith("\n"));
}

TEST_CASE("list counts every category, and each category lists its names") {
  const Library library = Library::installed();
  const Outcome overview = run_orrery({"list"});
  CHECK(overview.exit_code == 0);
  for (const auto& category : preset_categories()) {
    CHECK_THAT(overview.out, Contains(std::string(category.name)));
    const Outcome table = run_orrery({"list", std::string(category.name)});
    INFO(category.name << ": " << table.err);
    CHECK(table.exit_code == 0);
    for (const std::string& name : category.value.names(library)) CHECK_THAT(table.out, Contains("\n" + name + " "));
  }
}

TEST_CASE("every shipped preset can be shown, and resolves to an object") {
  const Library library = Library::installed();
  for (const auto& category : preset_categories())
    for (const std::string& name : category.value.names(library)) {
      INFO(category.name << "/" << name);
      CHECK(category.value.load(name, library).resolved.is_object());
    }
}

TEST_CASE("show prints figures with their sources") {
  const Outcome outcome = run_orrery({"show", "nvidia-a100-sxm4-80gb"});
  CHECK(outcome.exit_code == 0);
  CHECK_THAT(outcome.out, Contains("312 TFLOP/s") && Contains("kernel times: ") && Contains("Sources and notes"));
}

TEST_CASE("show names every option of a topology family, and so does the page of topologies") {
  CHECK_THAT(run_orrery({"show", "dragonfly"}).out,
             Contains("routers_per_group") && Contains("global_per_router") && Contains("ugal") && Contains("radix"));
  const std::string page = read_text(std::string(ORRERY_SOURCE_DATA_DIR) + "/docs/topologies.md");
  for (const auto& family : fabric_catalog())
    for (const FamilyOption& option : options_of(family.value)) {
      INFO(family.name << " " << option.name);
      CHECK_THAT(page, Contains("`" + std::string(option.name) + "`"));
      CHECK_THAT(run_orrery({"show", "topologies/" + std::string(family.name)}).out,
                 Contains(std::string(option.name)));
    }
  for (const auto& family : scale_up_catalog())
    for (const FamilyOption& option : family.value.options) {
      INFO(family.name << " " << option.name);
      CHECK_THAT(page, Contains(std::string(option.name)));
      CHECK_THAT(run_orrery({"show", "topologies/" + std::string(family.name)}).out,
                 Contains(std::string(option.name)));
    }
}

TEST_CASE("what show --json prints can stand in a scenario in place of the name") {
  const Folder folder;
  const Outcome shown = run_orrery({"show", "nodes/dgx-a100-80gb", "--json"});
  REQUIRE(shown.exit_code == 0);
  const std::string named = folder.write("named.json", small_scenario);
  const std::string inlined = folder.write("inlined.json", with("\"dgx-a100-80gb\"", shown.out));
  const auto metrics = [](const std::string& file) {
    const Outcome outcome = run_orrery({"run", file, "--json"});
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    return parse_json(outcome.out, "output")["metrics"];
  };
  CHECK(metrics(named) == metrics(inlined));
}

TEST_CASE("an ambiguous name is not guessed") {
  const Folder library;
  std::filesystem::create_directories(library.path("networks"));
  std::filesystem::create_directories(library.path("software"));
  library.write("networks/twin.json", R"({"base": "tiny-gpt", "name": "twin"})");
  library.write("software/twin.json", R"({"base": "megatron-lm-2021", "name": "twin"})");
  const Outcome outcome = run_orrery({"show", "twin", "--library", library.path()});
  CHECK(outcome.exit_code == 2);
  CHECK_THAT(outcome.err, Contains("models/twin, software/twin"));
  CHECK(run_orrery({"show", "software/twin", "--library", library.path()}).exit_code == 0);
}
