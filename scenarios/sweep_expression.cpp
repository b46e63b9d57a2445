#include "scenarios/sweep_expression.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>
#include <variant>

#include <fmt/format.h>

#include "scenarios/sweep_quantity.hpp"
#include "sim/catalog.hpp"

namespace orrery {

namespace {

using Value = std::variant<double, std::string, bool>;

Value value_of(const Json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number()) return json.get<double>();
  if (!json.is_string()) return json.dump();
  const std::string text = json.get<std::string>();
  if (const auto quantity = read_quantity(text)) return quantity->base;
  return text;
}

const char* kind_of(const Value& value) {
  static constexpr const char* kinds[] = {"a number", "a text", "true or false"};
  return kinds[value.index()];
}

template <class T> T as(const Value& value, std::string_view what, const char* wanted) {
  if (const T* held = std::get_if<T>(&value)) return *held;
  throw ExpressionError(fmt::format("{} of {} where it takes {}", what, kind_of(value), wanted));
}

double finite(double value, std::string_view what) {
  if (std::isfinite(value)) return value;
  throw ExpressionError(fmt::format("{} without a finite value", what));
}

double remainder_of(double a, double b) { return a - b * std::floor(a / b); }  // the sign of b: -1 % 8 is 7

}  // namespace

struct Expression::Node {
  using Nodes = std::vector<std::shared_ptr<const Node>>;
  std::string what;  // an operator or function; "" for a constant or a name
  Value constant;
  std::optional<std::size_t> name;
  Nodes operands;

  std::size_t names_used() const {
    std::size_t most = name ? *name + 1 : 0;
    for (const auto& operand : operands) most = std::max(most, operand->names_used());
    return most;
  }

  Value value(std::span<const Json> values) const {
    if (name) return value_of(values[*name]);
    if (what.empty()) return constant;
    if (what == "and" || what == "or") return logic(values);
    if (what == "not") return !as<bool>(operands[0]->value(values), "not", "true or false");
    std::vector<Value> v;
    for (const auto& operand : operands) v.push_back(operand->value(values));
    if (what == "==" || what == "!=" || what[0] == '<' || what[0] == '>') return compare(v[0], v[1]);
    std::vector<double> x;
    for (const Value& each : v) x.push_back(as<double>(each, what, "numbers"));
    return finite(arithmetic(x), what);
  }

 private:
  bool logic(std::span<const Json> values) const {
    const bool first = as<bool>(operands[0]->value(values), what, "true or false");
    if (first == (what == "or")) return first;
    return as<bool>(operands[1]->value(values), what, "true or false");
  }

  bool compare(const Value& a, const Value& b) const {
    if (a.index() != b.index()) throw ExpressionError(fmt::format("{} {} {}", kind_of(a), what, kind_of(b)));
    if (what == "==") return a == b;
    if (what == "!=") return a != b;
    if (what == "<") return a < b;
    if (what == "<=") return a <= b;
    return what == ">" ? a > b : a >= b;
  }

  double arithmetic(const std::vector<double>& x) const {
    if (what == "+") return x[0] + x[1];
    if (what == "-") return x.size() == 1 ? -x[0] : x[0] - x[1];
    if (what == "*") return x[0] * x[1];
    if (what == "/") return x[0] / x[1];
    if (what == "%") return remainder_of(x[0], x[1]);
    if (what == "^") return std::pow(x[0], x[1]);
    if (what == "abs") return std::abs(x[0]);
    if (what == "ceil") return std::ceil(x[0]);
    if (what == "floor") return std::floor(x[0]);
    if (what == "round") return std::round(x[0]);
    if (what == "sqrt") return std::sqrt(x[0]);
    if (what == "log2") return std::log2(x[0]);
    if (what == "log10") return std::log10(x[0]);
    return what == "min" ? *std::min_element(x.begin(), x.end()) : *std::max_element(x.begin(), x.end());
  }
};

namespace {

using Node = Expression::Node;
using NodePointer = std::shared_ptr<const Node>;

const std::vector<std::string>& functions() {
  static const std::vector<std::string> all = {"abs", "ceil", "floor", "round", "sqrt", "log2", "log10", "min", "max"};
  return all;
}

// Recursive descent, one function per level of precedence, lowest first.
class Parser {
 public:
  Parser(std::string_view text, std::span<const std::string> names) : text_(text), names_(names.begin(), names.end()) {
    if (text.size() > 4096) throw ExpressionError("an expression of over 4096 characters");
  }

  NodePointer parse() {
    NodePointer root = either();
    if (at_ < text_.size()) fail("an operator");
    return root;
  }

 private:
  NodePointer either() {
    const Depth depth(*this);
    return chain(&Parser::both, {"or", "||"}, "or");
  }
  NodePointer both() { return chain(&Parser::negation, {"and", "&&"}, "and"); }
  NodePointer negation() {
    const Depth depth(*this);
    if (take_word("not") || (peek("!") && !peek("!=") && take("!"))) return node("not", {negation()});
    return comparison();
  }
  NodePointer comparison() {
    NodePointer left = sum();
    for (const char* symbol : {"<=", ">=", "==", "!=", "<", ">"})
      if (take(symbol)) return node(symbol, {left, sum()});
    return left;
  }
  NodePointer sum() { return chain(&Parser::product, {"+", "-"}, ""); }
  NodePointer product() { return chain(&Parser::sign, {"*", "/", "%"}, ""); }
  NodePointer sign() {
    const Depth depth(*this);
    return take("-") ? node("-", {sign()}) : power();
  }
  NodePointer power() {
    NodePointer base = atom();
    return take("^") ? node("^", {base, sign()}) : base;
  }

  NodePointer chain(NodePointer (Parser::*operand)(), const std::vector<const char*>& symbols, std::string_view what) {
    NodePointer left = (this->*operand)();
    for (bool found = true; found;) {
      found = false;
      for (const char* symbol : symbols)
        if (std::isalpha(static_cast<unsigned char>(*symbol)) ? take_word(symbol) : take(symbol)) {
          left = node(what.empty() ? symbol : std::string(what), {left, (this->*operand)()});
          if (++links_ > 1000) throw ExpressionError("an expression of over 1000 operations");
          found = true;
          break;
        }
    }
    return left;
  }

  NodePointer atom() {
    skip();
    if (take("(")) {
      NodePointer inner = either();
      if (!take(")")) fail("a )");
      return inner;
    }
    if (at_ == text_.size()) fail("a value");
    const char c = text_[at_];
    if (c == '"' || c == '\'') return text_constant(c);
    if (std::isdigit(static_cast<unsigned char>(c)) || c == '.') return number_constant();
    if (std::isalpha(static_cast<unsigned char>(c)) || c == '_') return named(word());
    fail("a value");
  }

  NodePointer number_constant() {
    double value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc()) fail("a number");
    at_ = static_cast<std::size_t>(end - text_.data());
    return constant(value);
  }

  NodePointer text_constant(char quote_mark) {
    const std::size_t end = text_.find(quote_mark, at_ + 1);
    if (end == std::string_view::npos) fail("a closing quote");
    const std::string text(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return constant(value_of(Json(text)));
  }

  NodePointer named(const std::string& word) {
    if (word == "true" || word == "false") return constant(word == "true");
    if (take("(")) return call(word);
    const auto it = std::find(names_.begin(), names_.end(), word);
    if (it == names_.end())
      throw ExpressionError(
          fmt::format("the name {}; known are {}", quote_unknown(word, names_), fmt::join(names_, ", ")));
    auto result = std::make_shared<Node>();
    result->name = static_cast<std::size_t>(it - names_.begin());
    return result;
  }

  NodePointer call(const std::string& name) {
    const auto& known = functions();
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw ExpressionError("the function " + quote_unknown(name, known));
    std::vector<NodePointer> operands{either()};
    while (take(",")) operands.push_back(either());
    if (!take(")")) fail("a )");
    const bool any_number = name == "min" || name == "max";
    if (!any_number && operands.size() != 1)
      throw ExpressionError(fmt::format("{}() of {} values", name, operands.size()));
    return node(name, std::move(operands));
  }

  static NodePointer node(std::string what, std::vector<NodePointer> operands) {
    auto result = std::make_shared<Node>();
    result->what = std::move(what);
    result->operands = std::move(operands);
    return result;
  }
  static NodePointer constant(Value value) {
    auto result = std::make_shared<Node>();
    result->constant = std::move(value);
    return result;
  }

  void skip() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }
  bool peek(std::string_view symbol) {
    skip();
    return text_.substr(at_).starts_with(symbol);
  }
  bool take(std::string_view symbol) {
    if (!peek(symbol)) return false;
    at_ += symbol.size();
    skip();
    return true;
  }
  std::string word() {
    const std::size_t first = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_')) ++at_;
    const std::string found(text_.substr(first, at_ - first));
    skip();
    return found;
  }
  bool take_word(std::string_view wanted) {
    skip();
    const std::size_t before = at_;
    if (word() == wanted) return true;
    at_ = before;
    return false;
  }

  [[noreturn]] void fail(const char* expected) const {
    throw ExpressionError(at_ < text_.size() ? fmt::format("{} instead of {} at character {}",
                                                           quote(text_.substr(at_, 12)), expected, at_ + 1)
                                             : fmt::format("its end instead of {}", expected));
  }

  struct Depth {  // nesting is recursion: limited
    explicit Depth(Parser& parser) : parser_(parser) {
      if (++parser_.depth_ > 64) throw ExpressionError("an expression nested more than 64 deep");
    }
    ~Depth() { --parser_.depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
    Parser& parser_;
  };

  std::string_view text_;
  std::vector<std::string> names_;
  std::size_t at_ = 0, links_ = 0;
  int depth_ = 0;
};

}  // namespace

Json number_json(double value) {
  if (value == std::floor(value) && std::abs(value) < 9007199254740992.0) return static_cast<std::int64_t>(value);
  return value;
}

Expression::Expression(std::string_view text, std::span<const std::string> names)
    : root_(Parser(text, names).parse()) {}

std::size_t Expression::names_used() const { return root_->names_used(); }

Json Expression::operator()(std::span<const Json> values) const {
  const Value value = root_->value(values);
  if (const double* number = std::get_if<double>(&value)) return number_json(*number);
  if (const bool* truth = std::get_if<bool>(&value)) return *truth;
  return std::get<std::string>(value);
}

}  // namespace orrery
