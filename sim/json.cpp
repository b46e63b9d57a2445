#include "sim/json.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "sim/catalog.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

constexpr std::size_t deepest = 64;
constexpr std::size_t largest = std::size_t{64} << 20U;
constexpr std::size_t most_faults = 500;  // nobody reads more

std::string ascii(
    std::string_view text) {  // the library quotes ill-formed UTF-8 as it is; messages must stay well-formed
  std::string safe;
  for (const char c : text.substr(0, 160)) safe += static_cast<unsigned char>(c) < 0x80 ? c : '?';
  return safe + (text.size() > 160 ? "..." : "");
}

std::string line_and_column(std::string_view text, std::size_t position) {
  const std::string_view before = text.substr(0, std::min(position, text.size()));
  std::size_t line = 1, line_start = 0;
  for (std::size_t i = 0; i < before.size(); ++i)
    if (before[i] == '\n') ++line, line_start = i + 1;
  return fmt::format("line {}, column {}", line, std::max<std::size_t>(before.size() - line_start, 1));
}

// Builds the document from parser events. Returning false stops the parser; `faults` then ends with the reason. Keys that
// come twice do not stop it, so that all of them are told.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  Builder(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t& digits) override {
    if (digits.find_first_of(".eE") != string_t::npos) return add(value);
    return refuse(next(), "an integer of at most 64 bits, or a number with an exponent (1e20)", ascii(digits));
  }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return false; }  // not in JSON text

  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    Level& level = levels_.back();
    if (!level.keys.insert(name).second && faults.size() < most_faults)
      refuse(pointer_to(here(), name), "each key once", fmt::format("a second {}", quote(name)));
    level.key = std::move(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    std::string_view what = error.what();
    if (error.id == 406)
      return refuse(next(), "a number within the range of a double", ascii(what.substr(what.find("parsing") + 8)));
    const std::size_t detail = what.find(": ", what.find("column"));
    what = detail == std::string_view::npos ? what : what.substr(detail + 2);
    return refuse("", "valid JSON", fmt::format("an error at {}: {}", line_and_column(text_, position), ascii(what)));
  }

  std::vector<Fault> faults;
  Json document;

 private:
  struct Level {
    Json* container = nullptr;
    std::set<std::string> keys;
    std::string key;  // the one whose value comes next
  };

  // Pointer to the innermost open container, or to the value that comes next in it.
  std::string here() const {
    std::string pointer;
    for (std::size_t i = 0; i + 1 < levels_.size(); ++i) {
      const Level& level = levels_[i];
      pointer = pointer_to(pointer,
                           level.container->is_array() ? std::to_string(level.container->size() - 1) : level.key);
    }
    return pointer;
  }
  std::string next() const {
    if (levels_.empty()) return "";
    const Level& level = levels_.back();
    return pointer_to(here(), level.container->is_array() ? std::to_string(level.container->size()) : level.key);
  }

  bool refuse(std::string pointer, std::string expected, std::string found) {
    faults.push_back({name_, std::move(pointer), std::move(expected), std::move(found)});
    return false;
  }

  // Appends without searching for the key, which `key` has done: the library's own insertion compares with every key.
  Json* place(Json value) {
    if (levels_.empty()) return &(document = std::move(value));
    Level& level = levels_.back();
    if (level.container->is_array()) {
      auto& items = level.container->get_ref<Json::array_t&>();
      return &items.emplace_back(std::move(value));
    }
    auto& members = level.container->get_ref<Json::object_t&>();
    static_cast<Json::object_t::Container&>(members).emplace_back(level.key, std::move(value));
    return &members.back().second;
  }
  bool add(Json value) { return place(std::move(value)) != nullptr; }

  bool open(Json container) {
    if (levels_.size() == deepest)
      return refuse(next(), fmt::format("at most {} levels of nesting", deepest), "deeper nesting");
    Json* placed = place(std::move(container));
    levels_.push_back({placed, {}, {}});
    return true;
  }
  bool close() {
    levels_.pop_back();
    return true;
  }

  std::string_view text_;
  const std::string& name_;
  std::vector<Level> levels_;  // a container moves only when its parent grows, which happens after it is closed
};

}  // namespace

Json parse_json(std::string_view text, const std::string& name_in_messages) {
  if (text.size() > largest) throw SpecError(name_in_messages, "", "a document of at most 64 MiB", "more");
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos)
    throw SpecError(name_in_messages, "", "a JSON document", "nothing (it is empty)");
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)  // the parser would take it for the end
    throw SpecError(name_in_messages, "", "valid JSON", "a NUL byte at " + line_and_column(text, nul));
  Builder builder(text, name_in_messages);
  const bool parsed = Json::sax_parse(text.begin(), text.end(), &builder);
  ORRERY_CHECK(parsed || !builder.faults.empty(), "the JSON parser gave up without a reason on {}", name_in_messages);
  if (!builder.faults.empty()) throw SpecError(std::move(builder.faults));
  return std::move(builder.document);
}

Json read_json(const std::filesystem::path& file) {
  const std::string name = file.string();
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) throw SpecError(name, "", "a JSON file", "a directory");
  if (std::filesystem::is_fifo(file, error) || std::filesystem::is_socket(file, error))
    throw SpecError(name, "", "a JSON file", "a pipe");
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw SpecError(name, "", "a readable JSON file", errno == 0 ? "none" : std::strerror(errno));
  std::string text;
  std::vector<char> block(std::size_t{1} << 16U);
  while (stream && text.size() <= largest) {
    stream.read(block.data(), static_cast<std::streamsize>(block.size()));
    text.append(block.data(), static_cast<std::size_t>(stream.gcount()));
  }
  if (stream.bad()) throw SpecError(name, "", "a readable JSON file", "a read error");
  return parse_json(text, name);
}

std::string pointer_to(std::string_view parent, std::string_view key) {
  std::string pointer(parent);
  pointer += '/';
  for (const char c : key) {
    if (c == '~')
      pointer += "~0";
    else if (c == '/')
      pointer += "~1";
    else
      pointer += c;
  }
  return pointer;
}

}  // namespace orrery
