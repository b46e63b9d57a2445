// Physical quantities as types: a double with dimension exponents, so that seconds are never added to bytes.
// Base units: second, byte, FLOP (2 per multiply-add), joule, kelvin (used for differences and Celsius alike), US dollar.
// A product or quotient whose dimensions cancel converts to plain double. No scaling happens in C++; unit strings such as
// "3.35 TB/s" exist only in JSON (see sim/unit_text.hpp).
#pragma once

#include <cmath>
#include <compare>

namespace orrery {

template <int Time, int Data, int Work, int Energy, int Temperature, int Money> struct Quantity {
  double value = 0;

  constexpr Quantity() = default;
  constexpr explicit Quantity(double v) : value(v) {}

  static constexpr bool dimensionless = Time == 0 && Data == 0 && Work == 0 && Energy == 0 && Temperature == 0 &&
                                        Money == 0;
  // NOLINTNEXTLINE(google-explicit-constructor): a ratio is a plain number
  constexpr operator double() const requires dimensionless { return value; }

  constexpr Quantity& operator+=(Quantity o) {
    value += o.value;
    return *this;
  }
  constexpr Quantity& operator-=(Quantity o) {
    value -= o.value;
    return *this;
  }
  constexpr Quantity& operator*=(double f) {
    value *= f;
    return *this;
  }
  constexpr Quantity& operator/=(double f) {
    value /= f;
    return *this;
  }
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return Quantity(a.value + b.value); }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return Quantity(a.value - b.value); }
  friend constexpr Quantity operator-(Quantity a) { return Quantity(-a.value); }
  friend constexpr Quantity operator*(Quantity a, double f) { return Quantity(a.value * f); }
  friend constexpr Quantity operator*(double f, Quantity a) { return Quantity(f * a.value); }
  friend constexpr Quantity operator/(Quantity a, double f) { return Quantity(a.value / f); }
  friend constexpr auto operator<=>(Quantity, Quantity) = default;  // NOLINT(modernize-use-nullptr): mistaken
};

template <int A, int B, int C, int D, int E, int F, int G, int H, int I, int J, int K, int L>
constexpr auto operator*(Quantity<A, B, C, D, E, F> x, Quantity<G, H, I, J, K, L> y) {
  return Quantity<A + G, B + H, C + I, D + J, E + K, F + L>(x.value * y.value);
}
template <int A, int B, int C, int D, int E, int F, int G, int H, int I, int J, int K, int L>
constexpr auto operator/(Quantity<A, B, C, D, E, F> x, Quantity<G, H, I, J, K, L> y) {
  return Quantity<A - G, B - H, C - I, D - J, E - K, F - L>(x.value / y.value);
}
template <int A, int B, int C, int D, int E, int F> constexpr auto operator/(double x, Quantity<A, B, C, D, E, F> y) {
  return Quantity<-A, -B, -C, -D, -E, -F>(x / y.value);
}

using Seconds = Quantity<1, 0, 0, 0, 0, 0>;
using Bytes = Quantity<0, 1, 0, 0, 0, 0>;
using Flops = Quantity<0, 0, 1, 0, 0, 0>;
using Joules = Quantity<0, 0, 0, 1, 0, 0>;
using Celsius = Quantity<0, 0, 0, 0, 1, 0>;
using Dollars = Quantity<0, 0, 0, 0, 0, 1>;
using Hertz = Quantity<-1, 0, 0, 0, 0, 0>;
using BytesPerSecond = Quantity<-1, 1, 0, 0, 0, 0>;
using FlopsPerSecond = Quantity<-1, 0, 1, 0, 0, 0>;
using Watts = Quantity<-1, 0, 0, 1, 0, 0>;
using JoulesPerByte = Quantity<0, -1, 0, 1, 0, 0>;
using DollarsPerSecond = Quantity<-1, 0, 0, 0, 0, 1>;
using DollarsPerJoule = Quantity<0, 0, 0, -1, 0, 1>;

}  // namespace orrery
