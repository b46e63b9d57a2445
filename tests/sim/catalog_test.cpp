#include "sim/catalog.hpp"

#include <array>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

using namespace orrery;

TEST_CASE("a slip finds the name that was meant") {
  const std::vector<std::string> names = {"bandwidth", "latency", "bandwidth_per_direction", "count"};
  CHECK(nearest("bandwith", names) == "bandwidth");  // a letter missing
  CHECK(nearest("latnecy", names) == "latency");     // two letters swapped
  CHECK(nearest("Latency", names) == "latency");     // case
  CHECK(nearest("coutn", names) == "count");
  CHECK(nearest("bandwidth-per-direction", names) == "bandwidth_per_direction");
}

TEST_CASE("a word unlike every name finds none") {
  const std::vector<std::string> names = {"bandwidth", "latency", "fp8"};
  CHECK(nearest("temperature", names).empty());
  CHECK(nearest("x", names).empty());
  CHECK(nearest("", names).empty());
  CHECK(nearest(std::string(1000000, 'a'), names).empty());
  CHECK(nearest("latency", {}).empty());
}

TEST_CASE("a part of a long name finds the shortest name that contains it") {
  const std::vector<std::string> names = {"nvidia-h100-sxm5-80gb", "nvidia-h100-pcie", "nvidia-a100"};
  CHECK(nearest("h100", names) == "nvidia-h100-pcie");
  CHECK(nearest("H100-SXM5", names) == "nvidia-h100-sxm5-80gb");
}

TEST_CASE("a word that goes on after a name finds the longest such name, where nothing is nearer") {
  const std::vector<std::string> names = {"host", "host_link", "memory", "memory/bandwidth"};
  CHECK(nearest("host_link_generation", names) == "host_link");
  CHECK(nearest("memory_bandwith", names) == "memory/bandwidth");
  CHECK(nearest("memory_energy_per_bit", names) == "memory");
  CHECK(nearest("memorylike_something", names).empty());
}

TEST_CASE("an unknown word is quoted with the name that was meant") {
  const std::vector<std::string> names = {"ring", "tree"};
  CHECK(quote_unknown("rign", names) == "\"rign\" (did you mean \"ring\"?)");
  CHECK(quote_unknown("butterfly", names) == "\"butterfly\"");
}

TEST_CASE("a quoted word is printable, well-formed and not long") {
  CHECK(quote("a\"b\\c\n") == "\"a\\\"b\\\\c\\u000a\"");
  CHECK(quote(std::string(1000, 'x')).size() < 80);
  std::string accents;
  for (int i = 0; i < 40; ++i) accents += "\u00e9";
  const std::string cut = quote("x" + accents);
  CHECK(cut.size() < 80);
  CHECK(cut.find("\u00e9...\"") != std::string::npos);  // cut between characters, not inside one
}

TEST_CASE("a catalog finds its entries by name") {
  static constexpr std::array<CatalogEntry<int>, 2> table = {{{"one", "the first", 1}, {"two", "the second", 2}}};
  const std::span<const CatalogEntry<int>> catalog(table);
  REQUIRE(find(catalog, "two"));
  CHECK(find(catalog, "two")->value == 2);
  CHECK(find(catalog, "three") == nullptr);
  CHECK(names(catalog) == std::vector<std::string>{"one", "two"});
}
