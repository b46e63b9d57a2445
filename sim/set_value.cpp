#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "sim/catalog.hpp"
#include "sim/part_layers.hpp"
#include "sim/spec.hpp"

namespace orrery {

namespace {

struct Assignment {
  std::string_view pointer;
  std::vector<std::string> tokens;
  Json value;
};

Assignment split(std::string_view text, const std::string& file) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || text.front() != '/')
    throw SpecError(file, "", "an assignment such as /simulate/iterations=3", quote(text));
  Assignment result{text.substr(0, equals), {}, {}};
  for (std::size_t i = 0; i < equals; ++i) {
    const bool escape = text[i] == '~';
    if (text[i] == '/') {
      result.tokens.emplace_back();
    } else if (escape && i + 1 < equals && (text[i + 1] == '0' || text[i + 1] == '1')) {
      result.tokens.back() += text[++i] == '0' ? '~' : '/';
    } else if (escape) {
      throw SpecError(file, std::string(result.pointer), "~0 (for ~) or ~1 (for /) after a ~", quote(result.pointer));
    } else {
      result.tokens.back() += text[i];
    }
  }
  const std::string value(text.substr(equals + 1));
  if (!Json::accept(value)) {
    result.value = value;
    return result;
  }
  try {
    result.value = parse_json(value, file);  // refuses what any document is refused for
  } catch (const SpecError& error) {
    std::vector<Fault> faults = error.faults();
    for (Fault& fault : faults) fault.pointer = std::string(result.pointer) + fault.pointer;
    throw SpecError(std::move(faults));
  }
  return result;
}

// One step down the pointer. Objects that are missing on the way are made: whether they may be there is for the reader to
// say, who knows the keys. `within_base`: what is not here may be in the file that an object further up is based on, and an
// index may change an item of a list there; elsewhere a list must be there before one of its items can be set.
class Walk {
 public:
  Walk(Json& document, const Assignment& assignment, const std::string& file)
      : node_(&document), assignment_(assignment), file_(file) {}

  void step(const std::string& token) {
    open_part();
    if (node_->is_array()) {
      node_ = &item(token);
    } else {
      const auto it = node_->find(token);
      refuse_item(token);
      made_ = it == node_->end() || it->is_null();
      node_ = made_ ? &((*node_)[token] = Json::object()) : &*it;
    }
    depth_ += pointer_to("", token);
  }

  void assign(const std::string& token) {
    open_part();
    refuse_item(token);
    (node_->is_array() ? item(token) : (*node_)[token]) = assignment_.value;
  }

 private:
  // A part's name becomes an object based on it.
  void open_part() {
    if (node_->is_string() && !depth_.empty()) *node_ = Json{{"base", *node_}};
    if (node_->is_object() && node_->contains("base")) within_base_ = true;
    if (!node_->is_object() && !node_->is_array())
      throw fault(fmt::format("an object, a list or the name of a part at {}", quote(depth_)), found_text(*node_));
  }

  Json& item(const std::string& token) {
    const auto index = list_index(token);
    if (!index || *index >= node_->size())
      throw fault(fmt::format("an index into a list of {}", node_->size()), quote(token));
    return (*node_)[*index];
  }

  // An item of a list that is not there.
  void refuse_item(const std::string& token) const {
    if (made_ && !within_base_ && list_index(token))
      throw fault(fmt::format("a list at {} (set all of it, as in {}=[...])", quote(depth_), depth_), "nothing there");
  }

  SpecError fault(std::string expected, std::string found) const {
    return {file_, std::string(assignment_.pointer), std::move(expected), std::move(found)};
  }

  Json* node_;
  const Assignment& assignment_;
  const std::string& file_;
  std::string depth_;
  bool within_base_ = false, made_ = false;
};

}  // namespace

void set_value(Json& document, std::string_view assignment, const std::string& file) {
  const Assignment parsed = split(assignment, file);
  Json edited = document;  // a fault leaves the document as it was
  Walk walk(edited, parsed, file);
  for (std::size_t i = 0; i + 1 < parsed.tokens.size(); ++i) walk.step(parsed.tokens[i]);
  walk.assign(parsed.tokens.back());
  document = std::move(edited);
}

}  // namespace orrery
