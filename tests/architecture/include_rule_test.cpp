#include "tests/architecture/include_rule.hpp"

#include <string>
#include <utility>

#include <catch2/catch.hpp>

namespace orrery::architecture {
namespace {

// The findings for one invented file that includes one header, written as in source: "x.hpp" with quotes, or <x>.
std::string finding(const std::string& path, const std::string& header) {
  return describe(check_includes({{path, "// A header.\n\n#include " + header + "\n"}}));
}

TEST_CASE("every include in the tree keeps the dependency rule") {
  const auto files = read_source_tree();
  REQUIRE(files.size() > 10);
  CHECK(describe(check_includes(files)) == "");
}

TEST_CASE("the include rule finds a planted violation and says where") {
  CHECK(finding("sim/engine.cpp", R"("kernels/gemm.hpp")") ==
        "sim/engine.cpp:3: sim/ may not include \"kernels/gemm.hpp\" (of ours it may include nothing)\n");
}

TEST_CASE("each folder may include what the rule allows and nothing else") {
  const std::vector<std::pair<std::string, std::string>> allowed{
      {"sim", "sim"},          {"kernels", "sim"},   {"kernels", "kernels"},
      {"topologies", "sim"},   {"analysis", "sim"},  {"models", "sim"},
      {"models", "kernels"},   {"models", "models"}, {"topologies", "topologies"},
      {"analysis", "analysis"}};
  const std::vector<std::string> folders{"sim", "kernels", "topologies", "analysis", "models"};
  for (const auto& from : folders) {
    for (const auto& to : {"sim", "kernels", "topologies", "analysis", "models", "scenarios", "tests"}) {
      const bool is_allowed = std::find(allowed.begin(), allowed.end(), std::pair(from, std::string(to))) !=
                              allowed.end();
      INFO(from << " includes " << to);
      CHECK(finding(from + "/a.cpp", "\"" + std::string(to) + "/b.hpp\"").empty() == is_allowed);
    }
  }
}

TEST_CASE("scenarios compose everything but tests, and tests everything") {
  for (const auto& to : {"sim", "kernels", "topologies", "analysis", "models", "scenarios"}) {
    CHECK(finding("scenarios/commands/run.cpp", "\"" + std::string(to) + "/b.hpp\"").empty());
    CHECK(finding("tests/laws/a_test.cpp", "\"" + std::string(to) + "/b.hpp\"").empty());
  }
  CHECK_FALSE(finding("scenarios/run.cpp", R"("tests/support/a.hpp")").empty());
}

TEST_CASE("an include cannot slip past the rule by its spelling") {
  CHECK_FALSE(finding("sim/a.cpp", "<kernels/gemm.hpp>").empty());
  CHECK_FALSE(finding("sim/a.cpp", R"("../kernels/gemm.hpp")").empty());
  CHECK_FALSE(finding("sim/a.cpp", R"("neighbour.hpp")").empty());
  CHECK_FALSE(describe(check_includes({{"sim/a.hpp", "  #  include   \"models/llm.hpp\"  // why not"}})).empty());
}

TEST_CASE("each library has one door") {
  CHECK(finding("sim/simgrid/engine.cpp", "<simgrid/s4u.hpp>").empty());
  CHECK_FALSE(finding("sim/engine.cpp", "<simgrid/s4u.hpp>").empty());
  CHECK_FALSE(finding("sim/engine.cpp", "<xbt/log.h>").empty());
  CHECK(finding("sim/fabric.hpp", "<boost/graph/adjacency_list.hpp>").empty());
  CHECK_FALSE(finding("topologies/torus.cpp", "<boost/graph/adjacency_list.hpp>").empty());
  CHECK(finding("sim/spec_reader.hpp", "<nlohmann/json.hpp>").empty());
  CHECK(finding("analysis/reports/json.cpp", "<nlohmann/json.hpp>").empty());
  CHECK(finding("scenarios/result_json.cpp", "<nlohmann/json.hpp>").empty());
  CHECK_FALSE(finding("models/llm.cpp", "<nlohmann/json.hpp>").empty());
  CHECK_FALSE(finding("analysis/json/table.cpp", "<nlohmann/json.hpp>").empty());
  CHECK(finding("scenarios/main.cpp", "<CLI/CLI.hpp>").empty());
  CHECK_FALSE(finding("sim/engine.cpp", "<CLI/CLI.hpp>").empty());
  CHECK_FALSE(finding("sim/engine.cpp", "<catch2/catch.hpp>").empty());
}

}  // namespace
}  // namespace orrery::architecture
