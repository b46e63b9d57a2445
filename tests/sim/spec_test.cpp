#include "sim/spec.hpp"

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/sim/spec_support.hpp"

using namespace orrery;
using namespace orrery::spec_tests;
using Catch::Matchers::Contains;
using Texts = std::vector<std::string>;

namespace orrery {

namespace {

enum class Color { red, green };

struct Inner {
  int count = 3;
  std::optional<Seconds> delay;
};

struct Everything {
  bool flag = false;
  int small = 1;
  std::int64_t large = 0;
  std::uint32_t unsigned_number = 0;
  double ratio = 0.5;
  std::string text = "default";
  Color color = Color::green;
  Bytes size{1};
  std::optional<int> maybe;
  std::vector<int> list;
  std::vector<std::vector<int>> matrix;
  std::vector<Inner> inners;
  std::map<std::string, BytesPerSecond> rates;
  Inner inner;
  std::optional<Inner> extra;
  Json notes;
};

void fields(Fields& f, Inner& i) {
  f("count", i.count, Need::optional, at_least_one);
  f("delay", i.delay, Need::optional, non_negative);
}

void fields(Fields& f, Everything& e) {
  f("flag", e.flag);
  f("small", e.small);
  f("large", e.large);
  f("unsigned", e.unsigned_number);
  f("ratio", e.ratio, Need::optional, fraction);
  f("text", e.text);
  f("color", e.color);
  f("size", e.size, Need::optional, positive);
  f("maybe", e.maybe);
  f("list", e.list);
  f("matrix", e.matrix);
  f("inners", e.inners);
  f("rates", e.rates);
  f("inner", e.inner);
  f("extra", e.extra);
  f.raw("notes", e.notes);
}

struct Strict {
  Bytes size;
  std::optional<int> count;
  std::vector<int> list;
  Inner inner;
  int low = 0, high = 10;
  Json notes;
};

void fields(Fields& f, Strict& s) {
  f.required("size", s.size, positive);
  f.required("count", s.count, at_least_one);
  f.required("list", s.list);
  f.required("inner", s.inner);
  f("low", s.low);
  f("high", s.high);
  f.raw("notes", s.notes, Need::required);
  f.check(s.low <= s.high, "low", "at most high", std::to_string(s.low));
  f.check(s.low + s.high > 0, "", "a positive sum", std::to_string(s.low + s.high));
}

struct Pair {
  std::optional<Watts> most, least;
};

void fields(Fields& f, Pair& p) {
  f("most", p.most, Need::optional, positive);
  f("least", p.least, Need::optional, positive);
  f.check(!p.most || !p.least || *p.least <= *p.most, "least", "at most `most`", "more");
}

}  // namespace

template <> struct EnumNames<Color> { static constexpr std::array<std::string_view, 2> names = {"red", "green"}; };

}  // namespace orrery

TEST_CASE("every type of field is read") {
  const auto e = read<Everything>(R"({"flag": true, "small": -7, "large": 9007199254740993, "unsigned": 4294967295,
    "ratio": 1, "text": "hi", "color": "red", "size": "80 GB", "maybe": 4, "list": [1, 2], "matrix": [[1], [], [2, 3]],
    "inners": [{"count": 5}, {}], "rates": {"a": "1 GB/s", "b": "8 Gb/s"}, "inner": {"delay": "5 us"},
    "extra": {"count": 9}, "notes": {"any": [1, null]}})");
  CHECK(e.flag);
  CHECK(e.small == -7);
  CHECK(e.large == 9007199254740993);
  CHECK(e.unsigned_number == 4294967295U);
  CHECK(e.ratio == 1);
  CHECK(e.text == "hi");
  CHECK(e.color == Color::red);
  CHECK(e.size == Bytes(80e9));
  CHECK(e.maybe == 4);
  CHECK(e.list == std::vector<int>{1, 2});
  CHECK(e.matrix == std::vector<std::vector<int>>{{1}, {}, {2, 3}});
  REQUIRE(e.inners.size() == 2);
  CHECK(e.inners[0].count == 5);
  CHECK(e.inners[1].count == 3);
  CHECK(e.rates == std::map<std::string, BytesPerSecond>{{"a", BytesPerSecond(1e9)}, {"b", BytesPerSecond(1e9)}});
  CHECK(e.inner.delay == Seconds(5e-6));
  REQUIRE(e.extra);
  CHECK(e.extra->count == 9);
  CHECK(e.notes == Json::parse(R"({"any": [1, null]})"));
}

TEST_CASE("an absent key leaves the struct's own default, and null is an absent key") {
  for (const char* text :
       {"{}", R"({"flag": null, "text": null, "maybe": null, "list": null, "inner": null, "extra": null,
                                     "size": null, "notes": null, "color": null, "rates": null})"}) {
    const auto e = read<Everything>(text);
    CHECK(e.text == "default");
    CHECK(e.color == Color::green);
    CHECK(e.inner.count == 3);
    CHECK_FALSE(e.maybe);
    CHECK_FALSE(e.extra);
    CHECK(e.notes.is_null());
  }
}

TEST_CASE("what is written reads back and is written the same") {
  const auto fixed_point = [](const std::string& text) {
    const Json once = write_spec(read<Everything>(text));
    CHECK(write_spec(read<Everything>(once.dump())) == once);
    return once;
  };
  const Json defaults = fixed_point("{}");
  CHECK(defaults["size"] == "1 B");
  CHECK(defaults["list"] == Json::array());
  CHECK_FALSE(defaults.contains("maybe"));
  CHECK_FALSE(defaults.contains("notes"));
  const Json full = fixed_point(
      R"({"matrix": [[1], [], [2, 3]], "inners": [{"delay": "1 h"}], "rates": {"x": "25 Gb/s"},
    "extra": {}, "large": 1e6, "ratio": 0.1, "size": "50 MiB", "notes": [1], "color": "red"})");
  CHECK(full["rates"]["x"] == "25 Gb/s");
  CHECK(full["inners"][0] == Json::parse(R"({"count": 3, "delay": "1 h"})"));
  CHECK(full["large"] == 1000000);
}

TEST_CASE("a value of the wrong type is a fault that says what was expected and found") {
  CHECK(faults<Everything>(R"({"size": 400})") ==
        Texts{"/size: expected a size such as \"80 GB\", found 400 (a number without a unit)"});
  CHECK(faults<Everything>(R"({"size": "80 Gb/s"})") ==
        Texts{"/size: expected a size such as \"80 GB\", found \"80 Gb/s\" (a bandwidth)"});
  CHECK(faults<Everything>(R"({"size": "80"})") == Texts{"/size: expected a size such as \"80 GB\", found \"80\""});
  CHECK(faults<Everything>(R"({"size": ["80 GB"]})") ==
        Texts{"/size: expected a size such as \"80 GB\", found a list of 1"});
  CHECK(faults<Everything>(R"({"flag": 1})") == Texts{"/flag: expected true or false, found 1"});
  CHECK(faults<Everything>(R"({"small": "7"})") == Texts{"/small: expected an integer, found \"7\""});
  CHECK(faults<Everything>(R"({"small": 2.5})") == Texts{"/small: expected an integer, found 2.5"});
  CHECK(faults<Everything>(R"({"ratio": "half"})") ==
        Texts{"/ratio: expected a number, between 0 and 1, found \"half\""});
  CHECK(faults<Everything>(R"({"text": 1})") == Texts{"/text: expected a text, found 1"});
  CHECK(faults<Everything>(R"({"color": "gren"})") ==
        Texts{"/color: expected one of \"red\", \"green\", found \"gren\" (did you mean \"green\"?)"});
  CHECK(faults<Everything>(R"({"list": 1})") == Texts{"/list: expected a list, found 1"});
  CHECK(faults<Everything>(R"({"list": {"0": 1}})") == Texts{"/list: expected a list, found an object"});
  CHECK(faults<Everything>(R"({"matrix": [[1], [true]]})") == Texts{"/matrix/1/0: expected an integer, found true"});
  CHECK(faults<Everything>(R"({"list": [1, null]})") == Texts{"/list/1: expected an integer, found null"});
  CHECK(faults<Everything>(R"({"inner": []})") == Texts{"/inner: expected an object, found a list of 0"});
  CHECK(faults<Everything>(R"({"rates": {"": "1 B/s"}})") == Texts{"/rates: expected keys that are names, found \"\""});
  CHECK(faults<Everything>("[]") == Texts{": expected an object, found a list of 0"});
}

TEST_CASE("a value out of range is a fault that says the range") {
  CHECK(faults<Everything>(R"({"size": "-5 GB"})") ==
        Texts{"/size: expected a size such as \"80 GB\", greater than 0 B, found \"-5 GB\""});
  CHECK(faults<Everything>(R"({"size": "0 B"})").size() == 1);
  CHECK(faults<Everything>(R"({"ratio": 1.5})") == Texts{"/ratio: expected a number, between 0 and 1, found 1.5"});
  CHECK(faults<Everything>(R"({"inner": {"count": 0}})") ==
        Texts{"/inner/count: expected an integer, at least 1, found 0"});
  CHECK(faults<Everything>(R"({"small": 3000000000})") ==
        Texts{"/small: expected an integer, at most 2147483647, found 3000000000"});
  CHECK(faults<Everything>(R"({"unsigned": -1})") == Texts{"/unsigned: expected an integer, at least 0, found -1"});
  CHECK(faults<Everything>(R"({"large": 18446744073709551615})").size() == 1);
  CHECK(faults<Everything>(R"({"large": 1e300})").size() == 1);
  CHECK(faults<Everything>(R"({"inner": {"delay": "0 s"}})").empty());
}

TEST_CASE("a limit that an integer passes is told, whatever sets it") {
  const std::string most = "/large: expected an integer, at most 1000000000000000000, found ";
  CHECK(faults<Everything>(R"({"large": 9223372036854775807})") == Texts{most + "9223372036854775807"});
  CHECK(faults<Everything>(R"({"large": 1e20})") == Texts{most + "1e+20"});
  CHECK(faults<Everything>(R"({"large": -9223372036854775808})") ==
        Texts{"/large: expected an integer, at least -1000000000000000000, found -9223372036854775808"});
  CHECK(faults<Everything>(R"({"inner": {"count": 9223372036854775807}})") ==
        Texts{"/inner/count: expected an integer, between 1 and 2147483647, found 9223372036854775807"});
  CHECK(
      faults<Everything>(R"({"large": 1e17})") ==
      Texts{"/large: expected an integer, with all its digits where it is larger than 9007199254740992, found 1e+17"});
  CHECK(read<Everything>(R"({"large": 100000000000000001})").large == 100000000000000001);
}

TEST_CASE("control characters are refused in texts that stand in lines of a report") {
  for (const char* text : {R"("a\u001b[31m")", R"("a\nb")", R"("\u0000")", R"("\u007f")", R"("\u009b31m")"}) {
    INFO(text);
    CHECK_THAT(faults<Everything>(R"({"text": )" + std::string(text) + "}").at(0),
               Contains("/text: expected a text without control characters"));
    CHECK(faults<Everything>(R"({"rates": {)" + std::string(text) + R"(: "1 B/s"}})").size() == 1);
  }
  CHECK(read<Everything>(R"({"text": "\u00e9\u0104"})").text == "\u00e9\u0104");
}

TEST_CASE("an unknown key is a fault that names the nearest known one") {
  CHECK(faults<Everything>(R"({"colour": "red"})") ==
        Texts{"/colour: expected a known key, found \"colour\" (did you mean \"color\"?)"});
  CHECK(faults<Everything>(R"({"inner": {"zzz": 1}})") ==
        Texts{"/inner/zzz: expected one of the keys \"count\", \"delay\", found \"zzz\""});
  CHECK(faults<Everything>(R"({"a/b~": null})").front().substr(0, 10) == "/a~1b~0: e");
  CHECK(faults<Everything>(R"({"base": "x"})").size() == 1);  // no part: base means nothing here
}

TEST_CASE("a key that belongs into an object beside it is told with the way there") {
  CHECK(faults<Everything>(R"({"inner_dely": "1 s", "inner": {}})") ==
        Texts{"/inner_dely: expected a known key, found \"inner_dely\" (did you mean \"inner/delay\"?)"});
  CHECK(faults<Everything>(R"({"delay": "1 s", "inner": {}})") ==
        Texts{"/delay: expected a known key, found \"delay\" (did you mean \"inner/delay\"?)"});
  CHECK(faults<Everything>(R"({"inner_dely": "1 s"})") ==  // the object is not there, so what it may hold is unknown
        Texts{"/inner_dely: expected a known key, found \"inner_dely\" (did you mean \"inner\"?)"});
  CHECK(faults<Everything>(R"({"delay": "1 s", "inners": [{}]})").front().find("did you mean") == std::string::npos);
}

TEST_CASE("a rate that no machine has is refused, zero where the key allows it is not") {
  CHECK(faults<Everything>(R"({"rates": {"a": "1e-300 GB/s"}})") ==
        Texts{"/rates/a: expected a bandwidth such as \"400 Gb/s\", between 1 B/s and 1 ZB/s, found \"1e-300 GB/s\""});
  CHECK(faults<Everything>(R"({"rates": {"a": "1e22 B/s"}})").size() == 1);
  CHECK(faults<Everything>(R"({"rates": {"a": "0 B/s", "b": "1 B/s", "c": "1 ZB/s"}})").empty());
}

TEST_CASE("a required key that is missing is a fault at the place where it should be") {
  CHECK(faults<Strict>("{}") ==
        Texts{"/size: expected a size such as \"80 GB\", found nothing", "/count: expected a value, found nothing",
              "/list: expected a list, found nothing", "/inner: expected an object, found nothing",
              "/notes: expected a value, found nothing"});
  CHECK(faults<Strict>(R"({"size": null, "count": 1, "list": [], "inner": {}, "notes": 1})") ==
        Texts{"/size: expected a size such as \"80 GB\", found null"});
}

TEST_CASE("all faults of a document are reported together") {
  CHECK(faults<Everything>(R"({"flag": 0, "size": 1, "colr": 1, "inners": [{"count": 0}, {"dely": "1 s"}, 5],
                               "extra": {"delay": "-1 s"}})") ==
        Texts{"/flag: expected true or false, found 0",
              "/size: expected a size such as \"80 GB\", found 1 (a number without a unit)",
              "/inners/0/count: expected an integer, at least 1, found 0",
              "/inners/1/dely: expected a known key, found \"dely\" (did you mean \"delay\"?)",
              "/inners/2: expected an object, found 5",
              "/extra/delay: expected a time such as \"5 us\", at least 0 s, found \"-1 s\"",
              "/colr: expected a known key, found \"colr\" (did you mean \"color\"?)"});
}

TEST_CASE("the error's text has one line per fault with file and pointer") {
  CHECK_THROWS_WITH(read<Everything>(R"({"flag": 0, "text": 1})"),
                    "doc.json: at /flag: expected true or false, found 0\n"
                    "doc.json: at /text: expected a text, found 1");
}

TEST_CASE("a check of several values is made only when they could be read") {
  const std::string rest = R"(, "size": "1 B", "count": 1, "list": [], "inner": {}, "notes": 1})";
  CHECK(faults<Strict>(R"({"low": 11)" + rest) == Texts{"/low: expected at most high, found 11"});
  CHECK(faults<Strict>(R"({"low": -20)" + rest) == Texts{": expected a positive sum, found -10"});
  CHECK(faults<Strict>(R"({"low": -20, "high": "x")" + rest) == Texts{"/high: expected an integer, found \"x\""});
  CHECK(faults<Strict>(R"({"low": 1.5, "high": -1)" + rest) == Texts{"/low: expected an integer, found 1.5"});
}

TEST_CASE("an optional value that could not be read is not compared with others") {
  CHECK(faults<Pair>(R"({"most": "1 kWh", "least": "5 W"})") ==
        Texts{"/most: expected a power such as \"700 W\", found \"1 kWh\" (an energy)"});
  CHECK(faults<Pair>(R"({"most": "4 W", "least": "5 W"})") == Texts{"/least: expected at most `most`, found more"});
}

TEST_CASE("long words and control characters of the user are cut and escaped in the text of a fault") {
  const std::string key(100'000, 'k');
  const Fault fault{"doc\n.json", "/" + key + "\x1b[31m", "a known key", key};
  CHECK(fault.text().size() < 800);
  CHECK_THAT(fault.text(), Contains("doc\\u000a.json: at /kkk") && Contains("kkk...: expected a known key"));
  CHECK(Fault{key, "", "a file", "nothing"}.text().size() < 1100);
  CHECK(Fault{"", "/a\x1b", "b\n", "c\xc2\x9b"}.text() == "input: at /a\\u001b: expected b\\u000a, found c\\u009b");
}

TEST_CASE("a hostile document raises a bounded number of faults") {
  std::string text = "{";
  for (int i = 0; i < 5000; ++i) text += (i ? ",\"k" : "\"k") + std::to_string(i) + "\": 0";
  CHECK(faults<Everything>(text + "}").size() == 500);
}
