#include "tests/architecture/house_rules.hpp"

#include <string>

#include <catch2/catch.hpp>

namespace orrery::architecture {
namespace {

TEST_CASE("every header opens by saying what it models") {
  CHECK(describe(check_opening_comments(read_source_tree())) == "");
}

TEST_CASE("no file is over 600 lines") { CHECK(describe(check_lengths(read_source_tree())) == ""); }

TEST_CASE("no file names a path of somebody's machine") {
  CHECK(describe(check_machine_paths(read_source_tree())) == "");
}

TEST_CASE("a header without two opening comment lines is found") {
  const auto found = [](const std::string& text) { return !check_opening_comments({{"sim/a.hpp", text}}).empty(); };
  CHECK(found("#pragma once\nint x;\n"));
  CHECK(found("// One line.\n#pragma once\n"));
  CHECK(found("// One line.\n\n// Another, later.\n"));
  CHECK_FALSE(found("// Two\n// lines.\n#pragma once\n"));
  CHECK_FALSE(found("#pragma once\n\n// Two\n// lines.\n"));
  CHECK_FALSE(found("/* Two\n   lines. */\n#pragma once\n"));
  CHECK(check_opening_comments({{"sim/a.cpp", "int x;\n"}}).empty());
}

TEST_CASE("a file of 601 lines is found, one of 600 is not, and data may be long") {
  std::string text;
  for (int line = 0; line < 600; ++line) text += "// line\n";
  CHECK(check_lengths({{"sim/a.cpp", text}}).empty());
  CHECK(check_lengths({{"sim/a.cpp", text + "int x;\n"}}).size() == 1);
  CHECK(check_lengths({{"models/data/a.json", text + "{}\n"}}).empty());
}

TEST_CASE("an absolute path of a machine is found, a JSON pointer is not") {
  const std::string slash = "/";
  const auto found = [](const std::string& text) { return !check_machine_paths({{"docs/a.md", text}}).empty(); };
  CHECK(found("see " + slash + "home/ada/notes"));
  CHECK(found("\"" + slash + "work/x\""));
  CHECK(found(slash + "root/project"));
  CHECK_FALSE(found("--set /jobs/0/work/bytes=3"));
  CHECK_FALSE(found("https://example.org/home/page"));
  CHECK_FALSE(found("/usr/share/orrery"));
}

}  // namespace
}  // namespace orrery::architecture
