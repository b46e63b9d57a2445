#include "sim/json.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <catch2/catch.hpp>

#include "sim/error.hpp"

using namespace orrery;
using Catch::Matchers::Contains;

namespace {

// The one fault that reading `text` raises.
Fault fault_of(const std::string& text) {
  try {
    parse_json(text, "doc.json");
  } catch (const SpecError& error) {
    REQUIRE(error.faults().size() == 1);
    CHECK(error.faults().front().file == "doc.json");
    return error.faults().front();
  }
  FAIL("accepted: " << text.substr(0, 80));
  return {};
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

struct TemporaryFolder {
  std::filesystem::path path;
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "orrery-json-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
};

}  // namespace

TEST_CASE("a document is read as it stands, keys in their order") {
  const Json document = parse_json(R"({"b": [1, -2, 2.5, true, null, "x\n\u00e9"], "a": {"": {}}})", "doc.json");
  CHECK(document.dump() == "{\"b\":[1,-2,2.5,true,null,\"x\\n\u00e9\"],\"a\":{\"\":{}}}");
  CHECK(document["b"][0].is_number_unsigned());
  CHECK(parse_json("\xEF\xBB\xBF[]", "doc.json") == Json::array());  // a byte order mark is no fault
  CHECK(parse_json(" 7 ", "doc.json") == 7);
  CHECK(parse_json("18446744073709551615", "doc.json") == 18446744073709551615U);
  CHECK(parse_json("1e20", "doc.json") == 1e20);
}

TEST_CASE("a syntax error is reported with its line and column") {
  const Fault fault = fault_of("{\n  \"a\": 1,\n  \"b\" 2\n}");
  CHECK(fault.expected == "valid JSON");
  CHECK_THAT(fault.found, Contains("line 3, column 7"));
  for (const char* text :
       {"{",  "[1,]",    "{\"a\":1,}", "[1 2]",      "{'a': 1}",    "nul",  "[1] x", "{\"a\"}", "\"abc",  "01",
        "1.", "// c\n1", "[NaN]",      "[Infinity]", "[-Infinity]", "[.5]", "[+1]",  "\"\\x\"", "\"\t\"", "{1: 2}"}) {
    INFO(text);
    CHECK_THAT(fault_of(text).found, Contains("line "));
  }
}

TEST_CASE("a key that stands twice in one object is refused, with its place") {
  const Fault fault = fault_of(R"({"x": [0, {"a/b": 1, "c": 2, "a/b": 1}]})");
  CHECK(fault.pointer == "/x/1/a~1b");
  CHECK_THAT(fault.found, Contains("second \"a/b\""));
  CHECK_NOTHROW(parse_json(R"({"a": {"b": 1}, "b": {"a": 1}, "c": [{"a": 1}, {"a": 2}]})", "doc.json"));
}

TEST_CASE("all keys that stand twice are told together, and what stops the reader after them") {
  try {
    parse_json(R"({"a": 1, "a": 2, "b": {"c": 1, "c": 2}, "d": 1e999, "a": 3})", "doc.json");
    FAIL("not refused");
  } catch (const SpecError& error) {
    REQUIRE(error.faults().size() == 3);
    CHECK(error.faults()[0].pointer == "/a");
    CHECK(error.faults()[1].pointer == "/b/c");
    CHECK(error.faults()[2].pointer == "/d");
  }
}

TEST_CASE("64 levels of nesting are read and 65 are refused") {
  CHECK_NOTHROW(parse_json(repeated("[", 64) + repeated("]", 64), "doc.json"));
  CHECK_NOTHROW(parse_json(repeated("{\"a\":", 63) + "{}" + repeated("}", 63), "doc.json"));
  CHECK_THAT(fault_of(repeated("[", 65) + repeated("]", 65)).expected, Contains("64 levels"));
  CHECK_THAT(fault_of(repeated("{\"a\":", 64) + "{}" + repeated("}", 64)).expected, Contains("64 levels"));
}

TEST_CASE("ten million brackets are one fault, open or closed") {
  const int count = 10'000'000;
  CHECK_THAT(fault_of(std::string(count, '[')).expected, Contains("64 levels"));
  CHECK_THAT(fault_of(std::string(count, '[') + std::string(count, ']')).expected, Contains("64 levels"));
  CHECK_THAT(fault_of(repeated("{\"a\":", count / 5)).expected, Contains("64 levels"));
}

TEST_CASE("numbers past the range of a double are refused, with their place") {
  const Fault fault = fault_of(R"({"a": [1, 1e999]})");
  CHECK(fault.pointer == "/a/1");
  CHECK_THAT(fault.expected, Contains("double"));
  CHECK_THAT(fault.found, Contains("1e999"));
  CHECK_THAT(fault_of("-1e309").expected, Contains("double"));
  CHECK_THAT(fault_of(R"({"a": -1e309})").found, Contains("-1e309"));
}

TEST_CASE("an integer past 64 bits is refused as it was written: a double would round it") {
  const Fault fault = fault_of(R"({"a": [99999999999999999999]})");
  CHECK(fault.pointer == "/a/0");
  CHECK_THAT(fault.expected, Contains("64 bits"));
  CHECK(fault.found == "99999999999999999999");
  CHECK(fault_of("-99999999999999999999").found == "-99999999999999999999");
}

TEST_CASE("text that is not UTF-8 is refused in well-formed words") {
  for (const char* text : {"\"\xff\"", "\"\xc3\x28\"", "{\"\xed\xa0\x80\": 1}", "\xff\xfe[\0]", "\"\xc0\xaf\""}) {
    const Fault fault = fault_of(text);
    CHECK_NOTHROW(Json(fault.found).dump());  // dump() refuses what is not UTF-8
    CHECK_THAT(fault.found, Contains("line 1"));
  }
}

TEST_CASE("a long token is cut in the message") {
  CHECK(fault_of("[\"" + std::string(1'000'000, 'a')).text().size() < 400);
}

TEST_CASE("nothing at all is not a document") {
  for (const char* text : {"", " ", "\n\t\r "}) CHECK_THAT(fault_of(text).found, Contains("empty"));
}

TEST_CASE("documents past 64 MiB are refused") {
  const std::size_t limit = std::size_t{64} << 20U;
  CHECK_NOTHROW(parse_json("[" + std::string(limit - 2, ' ') + "]", "doc.json"));
  CHECK_THAT(fault_of("[" + std::string(limit - 1, ' ') + "]").expected, Contains("64 MiB"));
}

TEST_CASE("a file with many keys is read in linear time, its keys in order") {
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i) text += (i ? ",\"k" : "\"k") + std::to_string(i) + "\":" + std::to_string(i);
  const Json document = parse_json(text + "}", "doc.json");
  REQUIRE(document.size() == 200'000);
  CHECK(document.get_ref<const Json::object_t&>().back().first == "k199999");
}

TEST_CASE("files that cannot be read are faults of the input") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(read_json(folder.path), Contains("a directory"));
  CHECK_THROWS_WITH(read_json(folder.path / "absent.json"), Contains("absent.json") && Contains("No such file"));
  CHECK_THROWS_AS(read_json(folder.path / "absent.json" / "x"), SpecError);
  CHECK_THROWS_AS(read_json("/dev/null"), SpecError);
  std::ofstream(folder.path / "empty.json").close();
  CHECK_THROWS_WITH(read_json(folder.path / "empty.json"), Contains("empty"));
  std::ofstream(folder.path / "good.json") << "{\"a\": 1}\n";
  CHECK(read_json(folder.path / "good.json")["a"] == 1);
}

TEST_CASE("an endless file is refused at the size limit") {
  CHECK_THROWS_WITH(read_json("/dev/zero"), Contains("64 MiB"));
}

TEST_CASE("a pointer escapes ~ and / in keys") {
  CHECK(pointer_to("", "a") == "/a");
  CHECK(pointer_to("/x", "a/b~c") == "/x/a~1b~0c");
}
