// Fields that read a document: see sim/spec.hpp for what is promised, sim/part_layers.hpp for how parts are merged.
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "sim/catalog.hpp"
#include "sim/part_layers.hpp"
#include "sim/printable.hpp"
#include "sim/spec.hpp"

namespace orrery {

namespace {

constexpr std::size_t most_faults = 500;  // nobody reads more, and a hostile file may hold millions
constexpr double largest_integer = 1e18;  // sums of a few stay within 64 bits

template <class Format> std::string range_text(const Range& range, Format format) {
  const bool low = std::isfinite(range.low), high = std::isfinite(range.high);
  const std::string above = range.open_low ? ", greater than " : ", at least ";
  if (low && high && !range.open_low) return fmt::format(", between {} and {}", format(range.low), format(range.high));
  return (low ? above + format(range.low) : "") + (high ? ", at most " + format(range.high) : "");
}

bool in_range(double x, const Range& range) {
  return x <= range.high && (range.open_low ? x > range.low : x >= range.low);
}

// Rates are what times are divided by. Below one a second, or above all that could be built, a power of ten has slipped.
Range plausible(Dimension dimension) {
  switch (dimension) {
    case Dimension::bandwidth:
      return {1, 1e21};
    case Dimension::work_rate:
      return {1, 1e24};
    case Dimension::frequency:
      return {1, 1e15};
    default:
      return any_number;
  }
}

// The limits of the integer types would only clutter a message, unless one of them is what was violated.
Range without_type_limits(Range range, double found) {
  constexpr double int_limit = std::numeric_limits<std::int32_t>::max();
  if (range.low <= -int_limit && found >= range.low) range.low = -std::numeric_limits<double>::infinity();
  if (range.high >= int_limit && found <= range.high) range.high = std::numeric_limits<double>::infinity();
  return range;
}

std::string quoted_list(std::span<const std::string> words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + quote(word);
  return text;
}

class Reader final : public Fields {
 public:
  explicit Reader(const Library& library) : parts_(library, faults_) {}

  // Reads the object or, with a `kind`, the part that `root` is.
  void run(Layers root, std::string_view kind, detail::FieldsFunction read) {
    bool entered = false;
    if (!kind.empty()) {
      entered = push_part(root, kind);
    } else if (root.front().value->is_object()) {
      frames_.push_back({.layers = std::move(root)});
      entered = true;
    } else {
      add_fault(root.front(), "an object", found_text(*root.front().value));
    }
    if (entered) {
      try {
        read.call(*this, read.object);
        leave();
      } catch (const SpecError& error) {  // from a check that a `fields` function makes with other means
        faults_.insert(faults_.end(), error.faults().begin(), error.faults().end());
      }
    }
    if (!faults_.empty()) throw SpecError(without_repetitions(faults_));
  }

  bool reading() const override { return true; }

  void raw(const char* key, Json& value, Need need) override {
    const Layers found = look_up(key);
    if (!found.empty())
      value = merged(found);
    else
      absent(key, need, "a value");
  }

  void fault(const char* key, std::string expected, std::string found) override {
    if (readable(key)) add_fault(overridden(layers_of(key).front(), key), std::move(expected), std::move(found));
  }

  bool readable(const char* key) const override {
    if (faults_.empty()) return true;
    const Layers here = layers_of(key);
    return std::none_of(faults_.begin(), faults_.end(), [&](const Fault& known) {
      return std::any_of(here.begin(), here.end(), [&](const Layer& layer) {
        return known.file == layer.file && is_at_or_below(known.pointer, layer.pointer);
      });
    });
  }

 protected:
  void boolean(const char* key, bool& value, Need need) override {
    const Layer* found = scalar(key, need, "true or false", &Json::is_boolean);
    if (found) value = found->value->get<bool>();
  }

  void integer(const char* key, std::int64_t& value, Need need, Range range) override {
    const Layer* found = scalar(key, need, "an integer" + range_text(without_type_limits(range, 0), integer_text),
                                &Json::is_number);
    if (!found) return;
    const double x = found->value->get<double>();
    constexpr double exact = 9007199254740992.0;  // 2^53: up to here 1e6 and 1000000.0 are integers beyond doubt
    const bool whole = std::floor(x) == x;
    const bool doubtful = !found->value->is_number_integer() && std::fabs(x) > exact;
    range.low = std::max(range.low, -largest_integer);
    range.high = std::min(range.high, largest_integer);
    if (whole && !doubtful && in_range(x, range)) {
      value = found->value->is_number_integer() ? found->value->get<std::int64_t>() : static_cast<std::int64_t>(x);
      return;
    }
    std::string limits;
    if (whole && !in_range(x, range))
      limits = range_text(without_type_limits(range, x), integer_text);
    else if (whole)
      limits = ", with all its digits where it is larger than " + integer_text(exact);
    add_fault(*found, "an integer" + limits, found->value->dump());
  }

  void real(const char* key, double& value, Need need, Range range) override {
    const auto number = [](double x) { return fmt::format("{}", x); };
    const std::string expected = "a number" + range_text(range, number);
    const Layer* found = scalar(key, need, expected, &Json::is_number);
    if (!found) return;
    const double x = found->value->get<double>();
    if (in_range(x, range))
      value = x;
    else
      add_fault(*found, expected, found->value->dump());
  }

  void text(const char* key, std::string& value, Need need) override {
    const Layer* found = scalar(key, need, "a text", &Json::is_string);
    if (!found) return;
    const auto& words = found->value->get_ref<const std::string&>();
    if (has_control_characters(words) && std::string_view(key) != "description")  // others end up in lines of a report
      return add_fault(*found, "a text without control characters", quote(words));
    value = words;
  }

  void quantity(const char* key, double& value, Dimension dimension, Need need, Range range) override {
    const Layers here = look_up(key);
    if (here.empty()) return absent(key, need, describe(dimension));
    const Json& json = *here.front().value;
    if (!json.is_string()) {
      const char* hint = json.is_number() ? " (a number without a unit)" : "";
      return add_fault(here.front(), describe(dimension), found_text(json) + hint);
    }
    const auto& text = json.get_ref<const std::string&>();
    const std::optional<double> x = parse_quantity(text, dimension);
    if (!x) return add_fault(here.front(), describe(dimension), quote(text) + other_meaning(text));
    const auto amount = [dimension](double limit) { return format_quantity(limit, dimension); };
    for (const Range& limits : {range, *x == 0 ? any_number : plausible(dimension)})
      if (!in_range(*x, limits))
        return add_fault(here.front(), describe(dimension) + range_text(limits, amount), quote(text));
    value = *x;
  }

  void choice(const char* key, int& value, std::span<const std::string_view> names, Need need) override {
    const std::vector<std::string> all(names.begin(), names.end());
    const std::string expected = "one of " + quoted_list(all);
    const Layer* found = scalar(key, need, expected, &Json::is_string);
    if (!found) return;
    const auto& word = found->value->get_ref<const std::string&>();
    const auto it = std::find(all.begin(), all.end(), word);
    if (it != all.end())
      value = static_cast<int>(it - all.begin());
    else
      add_fault(*found, expected, quote_unknown(word, all));
  }

  bool enter_object(const char* key, Need need) override {
    Layers found = look_up(key);
    if (found.empty()) return absent(key, need, "an object"), false;
    if (!found.front().value->is_object()) {
      add_fault(found.front(), "an object", found_text(*found.front().value));
      return false;
    }
    found.resize(objects_on_top(found));
    frames_.push_back({.layers = std::move(found), .key = key});
    return true;
  }

  bool enter_map(const char* key, std::vector<std::string>& keys, Need need) override {
    if (!enter_object(key, need)) return false;
    Frame& frame = frames_.back();
    std::set<std::string> all;
    for (const Layer& layer : frame.layers)
      for (const auto& entry : layer.value->items()) {
        const bool usable = !entry.key().empty() && !has_control_characters(entry.key());
        frame.known.insert(entry.key());
        if (!usable) add_fault(layer, "keys that are names", quote(entry.key()));
        if (usable && !member(frame.layers, entry.key()).empty()) all.insert(entry.key());
      }
    keys.assign(all.begin(), all.end());
    return true;
  }

  bool enter_part(const char* key, const char* kind, Need need) override {
    const Layers found = look_up(key);
    if (!found.empty()) return push_part(found, kind, key);
    absent(key, need, fmt::format("the name of a part in {} or an object that describes it", kind));
    return false;
  }

  bool enter_list(const char* key, std::size_t& size, Need need) override {
    const Layers found = look_up(key);
    if (found.empty()) return absent(key, need, "a list"), false;
    std::optional<std::vector<Layers>> all = items(found, faults_);
    if (!all) {
      add_fault(found.front(), "a list", found_text(*found.front().value));
      return false;
    }
    size = all->size();
    frames_.push_back({.layers = found, .list = std::move(*all), .checked = false});
    return true;
  }

  void enter_item(std::size_t index) override {
    Layers item = frames_.back().list[index];
    frames_.push_back({.layers = std::move(item), .checked = false});
  }
  void leave_item() override { frames_.pop_back(); }

  bool enter_item_part(std::size_t index, const char* kind) override {
    const Layers item = frames_.back().list[index];
    return push_part(item, kind);
  }

  void leave() override {
    const Frame done = std::move(frames_.back());
    frames_.pop_back();
    if (done.checked) reject_unknown_keys(done);
    open_files_.resize(open_files_.size() - done.files);
    if (frames_.empty() || !frames_.back().checked || done.key.empty()) return;
    for (const std::string& key : done.known) frames_.back().deeper.insert(done.key + "/" + key);
  }

  bool present(const char* key, bool, Need need) override {
    if (!look_up(key).empty()) return true;
    absent(key, need, "a value");
    return false;
  }

 private:
  struct Frame {
    Layers layers;
    std::vector<Layers> list = {};      // the items, when this is a list
    std::string key = {};               // under which an object has this one
    std::set<std::string> known = {};   // keys that were asked for
    std::set<std::string> deeper = {};  // "key/its key" of the objects in this one, which may have been meant
    bool checked = true;                // an object: other keys are faults
    bool part = false;                  // "base" has been resolved
    bool replaces = false;              // another part, of which nothing is taken
    std::size_t files = 0;              // how many open_files_ are this part's
  };

  static std::string integer_text(double x) { return fmt::format("{:.0f}", x); }

  static bool is_at_or_below(std::string_view pointer, std::string_view above) {
    return pointer.starts_with(above) && (pointer.size() == above.size() || pointer[above.size()] == '/');
  }

  static std::string other_meaning(std::string_view text) {
    for (int i = 0; i <= static_cast<int>(Dimension::money_per_energy); ++i) {
      const std::string other = describe(static_cast<Dimension>(i));
      if (parse_quantity(text, static_cast<Dimension>(i)))
        return fmt::format(" ({})", other.substr(0, other.find(" such")));
    }
    return "";
  }

  static std::vector<Fault> without_repetitions(const std::vector<Fault>& faults) {
    std::vector<Fault> once;  // two parts from one faulty file repeat its faults
    std::set<std::string> texts;
    for (const Fault& fault : faults)
      if (texts.insert(fault.text()).second) once.push_back(fault);
    return once;
  }

  Layers look_up(const char* key) {
    Frame& frame = frames_.back();
    if (*key == '\0') return frame.layers.front().value->is_null() ? Layers{} : frame.layers;
    frame.known.insert(key);
    return member(frame.layers, key);
  }

  // The value under `key`, when it is of the right type. What it returns lives until the next call.
  const Layer* scalar(const char* key, Need need, const std::string& expected, bool (Json::*right)() const noexcept) {
    scalar_ = look_up(key);
    if (scalar_.empty()) return absent(key, need, expected), nullptr;
    if ((scalar_.front().value->*right)()) return &scalar_.front();
    add_fault(scalar_.front(), expected, found_text(*scalar_.front().value));
    return nullptr;
  }

  Layers layers_of(const char* key) const {
    const Layers& object = frames_.back().layers;
    Layers here = *key == '\0' ? object : member(object, key);
    if (here.empty()) here = {place_of(key)};
    return here;
  }

  // Where an absent `key` was removed or is missing: in the last base.
  Layer place_of(const char* key) const {
    const Layers& object = frames_.back().layers;
    if (*key == '\0') return object.front();
    for (const Layer& layer : object)
      if (const auto it = layer.value->find(key); it != layer.value->end())
        return {&*it, layer.file, pointer_to(layer.pointer, key)};
    return {nullptr, object.back().file, pointer_to(object.back().pointer, key)};
  }

  // Values of a base that do not go together with what was written over it are the fault of what was written.
  Layer overridden(const Layer& place, const char* key) const {
    const Layer& top = frames_.back().layers.front();
    const bool overrides = top.value->is_object() && top.value->size() > top.value->count("base");
    if (*key == '\0' || place.file == top.file || !overrides) return place;
    return {place.value, top.file, pointer_to(top.pointer, key)};
  }

  void absent(const char* key, Need need, const std::string& expected) {
    if (need == Need::optional) return;
    const Layer place = place_of(key);
    const char* nothing = frames_.back().replaces
                              ? "nothing (an object with a \"name\" is a whole part; one that changes "
                                "a part has its name as \"base\", or no \"name\")"
                              : "nothing";
    add_fault(place, expected, place.value ? "null" : nothing);
  }

  void add_fault(const Layer& place, std::string expected, std::string found) {
    if (faults_.size() < most_faults)
      faults_.push_back({place.file, place.pointer, std::move(expected), std::move(found)});
  }

  bool push_part(const Layers& layers, std::string_view kind, std::string key = {}) {
    std::optional<PartFiles::Part> part = parts_.expand(layers, kind, open_files_);
    if (!part) return false;
    open_files_.insert(open_files_.end(), part->files.begin(), part->files.end());
    frames_.push_back({.layers = std::move(part->layers),
                       .key = std::move(key),
                       .part = true,
                       .replaces = part->replaces,
                       .files = part->files.size()});
    return true;
  }

  void reject_unknown_keys(const Frame& frame) {
    const std::vector<std::string> known(frame.known.begin(), frame.known.end());
    std::vector<std::string> meant = known;
    meant.insert(meant.end(), frame.deeper.begin(), frame.deeper.end());
    std::set<std::string> removed;  // by a null further up
    for (std::size_t i = 0; i < frame.layers.size(); ++i) {
      const Layer& layer = frame.layers[i];
      for (const auto& [key, value] : layer.value->items()) {
        if (frame.known.contains(key) || removed.contains(key) || (frame.part && key == "base")) continue;
        if (value.is_null() && is_below(frame, i, key)) {
          removed.insert(key);
          continue;
        }
        const bool hint = !nearest(key, meant).empty();
        add_fault({&value, layer.file, pointer_to(layer.pointer, key)},
                  hint ? "a known key" : "one of the keys " + quoted_list(known), quote_unknown(key, meant));
      }
    }
  }

  static bool is_below(const Frame& frame, std::size_t layer, const std::string& key) {
    for (std::size_t i = layer + 1; i < frame.layers.size(); ++i)
      if (frame.layers[i].value->contains(key)) return true;
    return false;
  }

  std::vector<Fault> faults_;
  PartFiles parts_;
  std::vector<Frame> frames_;
  std::vector<std::string> open_files_;
  Layers scalar_;
};

}  // namespace

namespace detail {

void read_fields(const Json& document, const std::string& file, const Library& library, std::string_view kind,
                 FieldsFunction read) {
  Reader(library).run({{&document, file, ""}}, kind, read);
}

void read_part(std::string_view kind, std::string_view name, const Library& library, FieldsFunction read) {
  const Json document = std::string(name);
  Reader(library).run({{&document, "", ""}}, kind, read);
}

}  // namespace detail

}  // namespace orrery
