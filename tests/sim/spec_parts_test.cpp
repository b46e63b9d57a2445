#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "sim/spec.hpp"
#include "tests/sim/spec_support.hpp"

using namespace orrery;
using namespace orrery::spec_tests;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Texts = std::vector<std::string>;

namespace orrery {

namespace {

struct Chip {
  std::string name;
  Bytes memory;
  std::optional<Watts> power;
  std::vector<int> dimensions;
  Json sources;
};

struct Box {
  Chip chip;
  int chips = 1;
  std::optional<Chip> spare;
};

struct Hall {
  std::vector<Box> boxes;
  Box main;
};

void fields(Fields& f, Chip& c) {
  f("name", c.name);
  f.required("memory", c.memory, positive);
  f("power", c.power, Need::optional, positive);
  f("dimensions", c.dimensions);
  f.raw("sources", c.sources);
}

void fields(Fields& f, Box& b) {
  f.part("chip", "hardware/chips", b.chip);
  f("chips", b.chips, Need::optional, at_least_one);
  f.part("spare", "hardware/chips", b.spare);
}

void fields(Fields& f, Hall& h) {
  f.parts("boxes", "hardware/boxes", h.boxes, Need::optional);
  f.part("main", "hardware/boxes", h.main, Need::optional);
}

// A library of two chips, one based on the other, and a box that names one of them.
struct Shelf {
  Folder folder;
  Library library{{folder.path()}};
  Shelf() {
    folder.write("models/hardware/chips/alpha.json", R"({"name": "alpha", "memory": "80 GB", "power": "700 W",
      "dimensions": [2, 3], "sources": {"": "sheet", "/power": "page 2"}})");
    folder.write("models/hardware/chips/beta.json", R"({"base": "alpha", "name": "beta", "memory": "40 GB"})");
    folder.write("models/hardware/boxes/crate.json", R"({"chip": "beta", "chips": 8})");
  }
};

}  // namespace

}  // namespace orrery

TEST_CASE("a part is a name, an inline object, or a base with overrides") {
  const Shelf shelf;
  CHECK(read<Box>(R"({"chip": "alpha"})", shelf.library).chip.memory == Bytes(80e9));
  CHECK(read<Box>(R"({"chip": {"memory": "1 GB"}})", shelf.library).chip.memory == Bytes(1e9));
  const Chip chip = read<Box>(R"({"chip": {"base": "alpha", "memory": "96 GB"}})", shelf.library).chip;
  CHECK(chip.memory == Bytes(96e9));
  CHECK(chip.name == "alpha");
  CHECK(chip.power == Watts(700));
}

TEST_CASE("a base may have a base, and a part may name a part") {
  const Shelf shelf;
  const Box box = load_part<Box>("hardware/boxes", "crate", shelf.library);
  CHECK(box.chips == 8);
  CHECK(box.chip.name == "beta");
  CHECK(box.chip.memory == Bytes(40e9));
  CHECK(box.chip.power == Watts(700));
  CHECK_FALSE(box.spare);
}

TEST_CASE("overrides merge deeply: null removes a key, a list is replaced, an index changes one item") {
  const Shelf shelf;
  const auto chip = [&](const std::string& overrides) {
    return read<Box>(R"({"chip": {"base": "alpha", )" + overrides + "}}", shelf.library).chip;
  };
  CHECK_FALSE(chip(R"("power": null)").power);
  CHECK(chip(R"("dimensions": [7])").dimensions == std::vector<int>{7});
  CHECK(chip(R"("dimensions": {"1": 7})").dimensions == std::vector<int>{2, 7});
  CHECK(chip(R"("sources": {"/power": null, "/memory": "mail"})").sources ==
        Json::parse(R"({"": "sheet", "/memory": "mail"})"));
}

TEST_CASE("an object over a part's name overrides that part, at any depth") {
  const Shelf shelf;
  const Hall hall = read<Hall>(R"({"main": {"base": "crate", "chip": {"power": "1 kW"}},
    "boxes": ["crate", {"base": "crate", "chips": 2, "chip": "alpha"}, {"chip": {"memory": "1 B"}}]})",
                               shelf.library);
  CHECK(hall.main.chip.power == Watts(1000));
  CHECK(hall.main.chip.name == "beta");
  REQUIRE(hall.boxes.size() == 3);
  CHECK(hall.boxes[0].chips == 8);
  CHECK(hall.boxes[1].chips == 2);
  CHECK(hall.boxes[1].chip.name == "alpha");
  CHECK(hall.boxes[2].chip.memory == Bytes(1));
}

TEST_CASE("an object with its own base takes nothing from the part it replaces") {
  const Shelf shelf;
  shelf.folder.write("hardware/chips/gamma.json", R"({"memory": "1 GB"})");
  const Hall hall = read<Hall>(R"({"main": {"base": "crate", "chip": {"base": "gamma"}}})", shelf.library);
  CHECK(hall.main.chip.name.empty());
  CHECK_FALSE(hall.main.chip.power);
}

TEST_CASE("an object with a name of its own takes nothing from the part it stands over, one without changes it") {
  const Shelf shelf;
  const auto chip = [&](const std::string& object) {
    return read<Hall>(R"({"main": {"base": "crate", "chip": )" + object + "}}", shelf.library).main.chip;
  };
  CHECK(chip(R"({"memory": "1 GB"})").power == Watts(700));
  const Chip whole = chip(R"({"name": "mine", "memory": "1 GB"})");
  CHECK(whole.name == "mine");
  CHECK_FALSE(whole.power);
  CHECK(whole.dimensions.empty());
  CHECK_FALSE(chip(R"({"name": "beta", "memory": "1 GB"})").power);  // also under the same name
  CHECK(chip(R"({"name": null, "power": "1 W"})").memory == Bytes(40e9));
  CHECK(chip(R"({"base": "beta", "name": "mine"})").power == Watts(700));
}

TEST_CASE("what a part lacks because it replaces another is told with the remedy") {
  const Shelf shelf;
  CHECK_THAT(faults<Hall>(R"({"main": {"base": "crate", "chip": {"name": "mine"}}})", shelf.library).at(0),
             Contains("/main/chip/memory: ") && Contains("found nothing (") && Contains("\"base\""));
  CHECK_THAT(faults<Box>(R"({"chip": {"name": "mine"}})", shelf.library).at(0), EndsWith("found nothing"));
}

TEST_CASE("a resolved part is written inline and reads back the same, without the library") {
  const Shelf shelf;
  const Json once = write_spec(read<Hall>(R"({"main": {"base": "crate", "chip": {"power": "1 kW"}, "spare": "alpha"},
                                              "boxes": ["crate"]})",
                                          shelf.library));
  CHECK(once["main"]["chip"]["power"] == "1 kW");
  CHECK(write_spec(read<Hall>(once.dump())) == once);
}

TEST_CASE("a fault in an overridden key names the scenario, one in the base names the base's file") {
  const Shelf shelf;
  shelf.folder.write("hardware/chips/bad.json", R"({"base": "alpha", "memory": "lots", "powr": "1 W"})");
  CHECK(faults<Box>(R"({"chip": {"base": "bad", "power": 7, "nam": "x"}})", shelf.library) ==
        Texts{"bad.json /memory: expected a size such as \"80 GB\", found \"lots\"",
              "/chip/power: expected a power such as \"700 W\", found 7 (a number without a unit)",
              "/chip/nam: expected a known key, found \"nam\" (did you mean \"name\"?)",
              "bad.json /powr: expected a known key, found \"powr\" (did you mean \"power\"?)"});
}

TEST_CASE("a key that belongs into a part beside it is told with the way there, whether the part is named or inline") {
  const Shelf shelf;
  for (const char* chip : {R"("alpha")", R"({"memory": "1 GB"})"})
    CHECK(faults<Box>(R"({"chip_memry": "2 GB", "chip": )" + std::string(chip) + "}", shelf.library) ==
          Texts{"/chip_memry: expected a known key, found \"chip_memry\" (did you mean \"chip/memory\"?)"});
}

TEST_CASE("an override repairs a fault of its base") {
  const Shelf shelf;
  shelf.folder.write("hardware/chips/bad.json", R"({"memory": "lots", "colour": "red"})");
  CHECK(faults<Box>(R"({"chip": {"base": "bad", "memory": "1 GB", "colour": null}})", shelf.library).empty());
}

TEST_CASE("a key that an override removes is missing in the override") {
  const Shelf shelf;
  CHECK(faults<Box>(R"({"chip": {"base": "alpha", "memory": null}})", shelf.library) ==
        Texts{"/chip/memory: expected a size such as \"80 GB\", found null"});
  shelf.folder.write("hardware/chips/empty.json", "{}");
  CHECK(faults<Box>(R"({"chip": {"base": "empty", "name": "x"}})", shelf.library) ==
        Texts{"empty.json /memory: expected a size such as \"80 GB\", found nothing"});
}

TEST_CASE("a faulty file used by many parts is reported once") {
  const Shelf shelf;
  shelf.folder.write("hardware/chips/bad.json", R"({"memory": "lots"})");
  CHECK(faults<Hall>(R"({"boxes": [{"chip": "bad"}, {"chip": "bad"}, {"chip": {"base": "bad"}}]})", shelf.library)
            .size() == 1);
  shelf.folder.write("hardware/chips/broken.json", R"({"memory": )");
  shelf.folder.write("hardware/chips/list.json", "[]");
  CHECK(
      faults<Hall>(R"({"boxes": [{"chip": "broken"}, {"chip": "broken"}, {"chip": "list"}]})", shelf.library) ==
      Texts{
          "broken.json : expected valid JSON, found an error at line 1, column 11: syntax error while parsing value - "
          "unexpected end of input; expected '[', '{', or a literal",
          "list.json : expected an object, found a list of 0"});
}

TEST_CASE("an unknown part names the nearest one and says how to list them") {
  const Shelf shelf;
  CHECK(
      faults<Box>(R"({"chip": "alhpa"})", shelf.library) ==
      Texts{
          "/chip: expected a name among the chips of the library (`orrery list` shows what there is), found \"alhpa\" "
          "(did you mean \"alpha\"?)"});
  CHECK_THAT(faults<Box>(R"({"chip": {"base": "betta"}})", shelf.library).at(0),
             Contains("/chip/base: ") && Contains("\"beta\"?"));
  CHECK_THROWS_WITH(load_part<Box>("hardware/boxes", "crates", shelf.library), Contains("did you mean \"crate\"?"));
  CHECK_THAT(faults<Box>(R"({"chip": 5})", shelf.library).at(0), Contains("hardware/chips") && Contains("found 5"));
  CHECK_THAT(faults<Box>(R"({"chip": {"base": 5}})", shelf.library).at(0), Contains("/chip/base: "));
  CHECK_THAT(faults<Box>("{}", shelf.library).at(0), Contains("/chip: ") && Contains("found nothing"));
}

TEST_CASE("a part that leads back to itself is a fault, not an endless search") {
  const Shelf shelf;
  shelf.folder.write("hardware/chips/snake.json", R"({"base": "snake"})");
  shelf.folder.write("hardware/chips/egg.json", R"({"base": "hen"})");
  shelf.folder.write("hardware/chips/hen.json", R"({"base": "egg"})");
  CHECK_THAT(faults<Box>(R"({"chip": "snake"})", shelf.library).at(0),
             Contains("snake.json /base: ") && Contains("contain itself"));
  CHECK_THAT(faults<Box>(R"({"chip": "egg"})", shelf.library).at(0),
             Contains("hen.json /base: ") && Contains("contain itself"));
}

TEST_CASE("a name cannot lead out of the library") {
  const Shelf shelf;
  shelf.folder.write("secret.json", R"({"memory": "1 GB"})");
  for (const char* name :
       {"../../../secret", "../chips/alpha", "/etc/passwd", "", ".", "..", "a/b", "..\\\\alpha", "alpha\\u0000"}) {
    INFO(name);
    CHECK(faults<Box>(std::string(R"({"chip": ")") + name + R"("})", shelf.library).size() == 1);
  }
  CHECK(shelf.library.find("hardware/chips", "../chips/alpha").empty());
}

TEST_CASE("with a kind, a whole document may be based on a file of that kind") {
  const Shelf shelf;
  shelf.folder.write("scenarios/library/plain.json", R"({"chip": "alpha", "chips": 4})");
  const Box box = read<Box>(R"({"base": "plain", "chips": 16})", shelf.library, "scenarios");
  CHECK(box.chips == 16);
  CHECK(box.chip.name == "alpha");
  CHECK(faults<Box>("[]", shelf.library, "scenarios").size() == 1);
}

TEST_CASE("an index over a base's list must be one of its indices") {
  const Shelf shelf;
  CHECK(faults<Box>(R"({"chip": {"base": "alpha", "dimensions": {"2": 1, "01": 1, "x": 1}}})", shelf.library).size() ==
        3);
}

TEST_CASE("earlier folders of a library hide later ones, and all their names are listed once") {
  const Shelf shelf;
  const Folder mine;
  mine.write("alpha.json", R"({"memory": "1 B"})");
  mine.write("hardware/chips/zeta.json", R"({"memory": "2 B"})");
  const Library library = shelf.library.with_front(mine.path());
  CHECK(load_part<Chip>("hardware/chips", "alpha", library).memory == Bytes(1));
  CHECK(load_part<Chip>("hardware/chips", "beta", shelf.library).memory == Bytes(40e9));
  CHECK(library.names("hardware/chips") == std::vector<std::string>{"alpha", "beta", "zeta"});
  CHECK(library.names("nothing").empty());
}

TEST_CASE("the installed library has folders, and calibrations and scenarios have their own places") {
  REQUIRE(Library::installed().folders().size() == 1);
  CHECK(std::filesystem::is_directory(Library::installed().folders().front()));
  const Folder folder;
  folder.write("kernels/calibration/a.json", "{}");
  folder.write("scenarios/library/b.json", "{}");
  const Library library({folder.path()});
  CHECK_FALSE(library.find("calibration", "a").empty());
  CHECK_FALSE(library.find("scenarios", "b").empty());
  CHECK(library.names("scenarios") == std::vector<std::string>{"b"});
}
