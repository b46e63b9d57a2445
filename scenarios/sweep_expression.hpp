// Small arithmetic over the values of one sweep point: derived values and filters. Numbers, "texts" (or 'texts'), the names
// of axes and derived values; + - * / % ^ ( ), < <= > >= == !=, and or not, and the functions abs ceil floor round sqrt
// log2 log10 min max. A text that is a quantity with a unit counts as a number in base units (s, B, B/s, FLOP/s, W, ...),
// so that nic >= "200 Gb/s" does what it says. No assignments, loops or input: evaluation always ends.
#pragma once

#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "sim/json.hpp"

namespace orrery {

// What is wrong with an expression, or with its value at a point; for the `found` of a fault.
class ExpressionError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Expression {
 public:
  struct Node;

  // `names`: what may be named; throws ExpressionError.
  Expression(std::string_view text, std::span<const std::string> names);
  // `values` in the order of the names. The result is a number, a text or true/false; throws ExpressionError for what has
  // no value (a division by zero, a number compared with a text).
  Json operator()(std::span<const Json> values) const;
  // One past the highest of the names it uses; `values` needs no more.
  std::size_t names_used() const;

 private:
  std::shared_ptr<const Node> root_;
};

// 8.0 becomes 8: whole numbers below 2^53 are written as integers.
Json number_json(double value);

}  // namespace orrery
