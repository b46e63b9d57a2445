#include "sim/unit_text.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "sim/error.hpp"

using namespace orrery;

namespace {

constexpr int dimension_count = static_cast<int>(Dimension::money_per_energy) + 1;

bool same_bits(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

}  // namespace

TEST_CASE("quantities are read as a datasheet prints them") {
  CHECK(parse_quantity("3.35 TB/s", Dimension::bandwidth) == 3.35e12);
  CHECK(parse_quantity("400 Gb/s", Dimension::bandwidth) == 50e9);
  CHECK(parse_quantity("400 Gbit/s", Dimension::bandwidth) == 50e9);
  CHECK(parse_quantity("80 GB", Dimension::data) == 80e9);
  CHECK(parse_quantity("700 W", Dimension::power) == 700);
  CHECK(parse_quantity("1.41 GHz", Dimension::frequency) == 1.41e9);
  CHECK(parse_quantity("5 us", Dimension::time) == 5e-6);
  CHECK(parse_quantity("5 \u00b5s", Dimension::time) == 5e-6);
  CHECK(parse_quantity("5 \u03bcs", Dimension::time) == 5e-6);
  CHECK(parse_quantity("2 min", Dimension::time) == 120);
  CHECK(parse_quantity("4 years", Dimension::time) == 4 * 365 * 86400.0);
  CHECK(parse_quantity("90 days", Dimension::time) == 90 * 86400.0);
  CHECK(parse_quantity("1.5 h", Dimension::time) == 5400);
  CHECK(parse_quantity("30 day", Dimension::time) == 30 * 86400);
  CHECK(parse_quantity("1978.9 TOP/s", Dimension::work_rate) == 1978.9e12);
  CHECK(parse_quantity("2 TFLOP", Dimension::work) == 2e12);
  CHECK(parse_quantity("2 TOP", Dimension::work) == 2e12);
  CHECK(parse_quantity("3 kWh", Dimension::energy) == 3 * 3.6e6);
  CHECK(parse_quantity("-10 C", Dimension::temperature) == -10);
  CHECK(parse_quantity("30000 USD", Dimension::money) == 30000);
  CHECK(parse_quantity("3.6 USD/h", Dimension::money_rate) == 3.6 / 3600);
  CHECK(parse_quantity("0.08 USD/kWh", Dimension::money_per_energy) == 0.08 / 3.6e6);
  CHECK(parse_quantity("6.9 pJ/bit", Dimension::energy_per_byte) == 6.9e-12 * 8);
  CHECK(parse_quantity("6.9 pJ/b", Dimension::energy_per_byte) == 6.9e-12 * 8);
  CHECK(parse_quantity("6.9 pJ/B", Dimension::energy_per_byte) == 6.9e-12);
}

TEST_CASE("a prefix joins the decimal before it is rounded, so that text and literal are the same double") {
  CHECK(same_bits(*parse_quantity("0.35 us", Dimension::time), 3.5e-7));
  CHECK(same_bits(*parse_quantity("1.1 us", Dimension::time), 1.1e-6));
  CHECK(same_bits(*parse_quantity("4.7 TB/s", Dimension::bandwidth), 4.7e12));
}

TEST_CASE("bits and bytes, decimal and binary prefixes are never confused") {
  CHECK(parse_quantity("8 Gb", Dimension::data) == parse_quantity("1 GB", Dimension::data));
  CHECK(parse_quantity("192 KiB", Dimension::data) == 192 * 1024);
  CHECK(parse_quantity("192 kB", Dimension::data) == 192000);
  CHECK(parse_quantity("192 KB", Dimension::data) == 192000);
  CHECK(parse_quantity("1 GiB", Dimension::data) == 1073741824);
  CHECK(parse_quantity("1 Eb/s", Dimension::bandwidth) == 1e18 / 8);
  CHECK(parse_quantity("2EB", Dimension::data) == 2e18);
  CHECK(parse_quantity("2e3 B", Dimension::data) == 2000);
  CHECK(parse_quantity("2 PiB", Dimension::data) == std::ldexp(2, 50));
}

TEST_CASE("what is not a quantity of the dimension is refused") {
  for (const char* text :
       {"",       " ",      "GB",     "80",     "80 ",   "80 gb",  "80 Gb/s", "80 mB",   "80 GBs",   "80 GB ",
        " 80 GB", "+80 GB", "8,0 GB", "0x10 B", "nan B", "inf B",  "NaN GB",  "1e999 B", "1e308 EB", "1e999999999999 B",
        "- B",    ". B",    "1..2 B", "1e B",   "--1 B", "80 G B", "80 KIB",  "80 kiB",  "80 GB\n"}) {
    INFO(text);
    CHECK_FALSE(parse_quantity(text, Dimension::data));
  }
  CHECK_FALSE(parse_quantity("5 ks", Dimension::time));
  CHECK_FALSE(parse_quantity("5 S", Dimension::time));
  CHECK_FALSE(parse_quantity("700 mh", Dimension::time));
  CHECK_FALSE(parse_quantity("1 mHz", Dimension::frequency));
  CHECK_FALSE(parse_quantity("989 TFLOPS", Dimension::work_rate));
  CHECK_FALSE(parse_quantity(std::string("8 B\0", 4), Dimension::data));
}

TEST_CASE("a written quantity reads back to the same bits, whatever its magnitude") {
  std::mt19937_64 random(20260101);
  for (int d = 0; d < dimension_count; ++d) {
    const auto dimension = static_cast<Dimension>(d);
    int lost = 0;
    const auto check = [&](double value) {
      const auto back = parse_quantity(format_quantity(value, dimension), dimension);
      if (!back || !same_bits(*back, value)) ++lost;
    };
    for (int i = 0; i < 4000; ++i) {
      const double any = std::bit_cast<double>(random());
      if (std::isfinite(any)) check(any);
      check(std::stod(fmt::format("{}e{}", random() % 10000, static_cast<int>(random() % 40) - 20)));
      check(static_cast<double>(random() % 100000) * 1024);
    }
    for (const double value : {0.0, -0.0, 1.0, -1.0, 5e-324, 1.7976931348623157e308, 0.1, 1.0 / 3, 3600.0, 1e22, 1e23})
      check(value);
    INFO(describe(dimension));
    CHECK(lost == 0);
  }
}

TEST_CASE("the example in every description is a quantity of its dimension, and of no other") {
  for (int d = 0; d < dimension_count; ++d) {
    const std::string text = describe(static_cast<Dimension>(d));
    const std::size_t open = text.find('"');
    const std::string example = text.substr(open + 1, text.rfind('"') - open - 1);
    for (int other = 0; other < dimension_count; ++other) {
      INFO(example << " as " << describe(static_cast<Dimension>(other)));
      CHECK(parse_quantity(example, static_cast<Dimension>(other)).has_value() == (d == other));
    }
  }
}

TEST_CASE("a written quantity reads well") {
  CHECK(format_quantity(80e9, Dimension::data) == "80 GB");
  CHECK(format_quantity(80.0 * (1 << 30), Dimension::data) == "80 GiB");
  CHECK(format_quantity(50e9, Dimension::bandwidth) == "50 GB/s");
  CHECK(format_quantity(3.125e9, Dimension::bandwidth) == "25 Gb/s");
  CHECK(format_quantity(3.35e12, Dimension::bandwidth) == "3.35 TB/s");
  CHECK(format_quantity(989.4e12, Dimension::work_rate) == "989.4 TFLOP/s");
  CHECK(format_quantity(5e-6, Dimension::time) == "5 us");
  CHECK(format_quantity(3600, Dimension::time) == "1 h");
  CHECK(format_quantity(3601, Dimension::time) == "3601 s");
  CHECK(format_quantity(0, Dimension::time) == "0 s");
  CHECK(format_quantity(85, Dimension::temperature) == "85 C");
  CHECK(format_quantity(2.5 / 3600, Dimension::money_rate) == "2.5 USD/h");
  CHECK(format_quantity(0.08 / 3.6e6, Dimension::money_per_energy) == "0.08 USD/kWh");
  CHECK(format_quantity(1e30, Dimension::data) == "1e30 B");
  CHECK(format_quantity(-5e9, Dimension::data) == "-5 GB");
}

TEST_CASE("a quantity that is not finite is never written") {
  CHECK_THROWS_AS(format_quantity(std::nan(""), Dimension::time), InternalError);
  CHECK_THROWS_AS(format_quantity(INFINITY, Dimension::time), InternalError);
}

TEST_CASE("people get three significant digits and a fitting prefix") {
  CHECK(human(Seconds(1.42)) == "1.42 s");
  CHECK(human(Seconds(0)) == "0 s");
  CHECK(human(Seconds(9.9996e-4)) == "1.00 ms");
  CHECK(human(Seconds(5e-6)) == "5.00 us");
  CHECK(human(Seconds(600)) == "10.0 min");
  CHECK(human(Seconds(36000)) == "10.0 h");
  CHECK(human(Seconds(30.0 * 86400)) == "30.0 days");
  CHECK(human(Bytes(80e9)) == "80.0 GB");
  CHECK(human(Bytes(999.6e9)) == "1.00 TB");
  CHECK(human(Bytes(-5e9)) == "-5.00 GB");
  CHECK(human(BytesPerSecond(450e9)) == "450 GB/s");
  CHECK(human(FlopsPerSecond(989.4e12)) == "989 TFLOP/s");
  CHECK(human(Joules(25.3)) == "25.3 J");
  CHECK(human(Watts(700)) == "700 W");
}
