// How a struct meets its JSON. Each spec struct has one function `void fields(Fields&, T&)` that names every key once;
// the same function reads a document into the struct, writes the resolved struct back, and lists the schema.
// Reading gathers all faults, rejects unknown keys with the nearest known one, and resolves named parts: wherever
// `part` is used, JSON may hold a name (a file in the library), an inline object, or {"base": NAME, ...overrides}.
// Overrides merge deeply: null removes a key, an object over a part's name overrides that part, and an object with
// indices as keys ("0") over a list changes these items. An object with a "name" or "base" of its own is another part and
// takes nothing of the one that it stands over. A fault names the file that the faulty value came from.
// The struct's initial value is the default: no defaults elsewhere. A null is an absent key; an optional starts out empty.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "sim/data_type.hpp"
#include "sim/error.hpp"
#include "sim/json.hpp"
#include "sim/unit_text.hpp"
#include "sim/units.hpp"

namespace orrery {

enum class Need { required, optional };

struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool open_low = false;  // low itself is excluded
};
inline constexpr Range any_number{};
inline constexpr Range positive{0, std::numeric_limits<double>::infinity(), true};
inline constexpr Range non_negative{0, std::numeric_limits<double>::infinity(), false};
inline constexpr Range at_least_one{1, std::numeric_limits<double>::infinity(), false};
inline constexpr Range fraction{0, 1, false};

// Specialize for an enum: `static constexpr std::array<std::string_view, N> names` in the order of its values from 0.
template <class E> struct EnumNames;
template <> struct EnumNames<DataType> { static constexpr auto& names = data_type_names; };

class Fields {
 public:
  virtual ~Fields() = default;
  virtual bool reading() const = 0;

  // Scalars, enums, optionals, lists, maps from text and nested objects, told apart by type. `range` is in base units;
  // sizes and bandwidths should pass `positive` or `non_negative`.
  template <class T> void operator()(const char* key, T& value, Need need = Need::optional, Range range = any_number);

  template <class T> void required(const char* key, T& value, Range range = any_number) {
    (*this)(key, value, Need::required, range);
  }

  // A named, inline or overridden part of the library folder `kind` (e.g. "hardware/accelerators", "models").
  template <class T> void part(const char* key, const char* kind, T& value, Need need = Need::required) {
    if (enter_part(key, kind, need)) {
      fields(*this, value);
      leave();
    }
  }
  template <class T> void part(const char* key, const char* kind, std::optional<T>& value, Need need = Need::optional) {
    if (!present(key, value.has_value(), need)) return;
    if (!value) value.emplace();
    part(key, kind, *value, need);
  }
  // A list of such parts.
  template <class T> void parts(const char* key, const char* kind, std::vector<T>& value, Need need);

  // A free-form subtree kept as it is (e.g. "sources"): not checked inside.
  virtual void raw(const char* key, Json& value, Need need = Need::optional) = 0;
  // A fault of the value under `key` ("" = this object); nothing happens when writing, nor when a fault in that value has
  // been found before: a check on a value that could not be read would only mislead.
  virtual void fault(const char* key, std::string expected, std::string found) = 0;
  // False when a fault was found in the value under `key`: another value that is checked against it would only mislead. (An
  // optional that could not be read stays empty.)
  virtual bool readable(const char* /*key*/) const { return true; }
  // A check that only matters when reading.
  void check(bool ok, const char* key, std::string expected, std::string found) {
    if (reading() && !ok) fault(key, std::move(expected), std::move(found));
  }

 protected:
  virtual void boolean(const char* key, bool& value, Need) = 0;
  virtual void integer(const char* key, std::int64_t& value, Need, Range) = 0;
  virtual void real(const char* key, double& value, Need, Range) = 0;
  virtual void text(const char* key, std::string& value, Need) = 0;
  virtual void quantity(const char* key, double& value, Dimension, Need, Range) = 0;
  virtual void choice(const char* key, int& value, std::span<const std::string_view> names, Need) = 0;
  virtual bool enter_object(const char* key, Need) = 0;  // true: now inside; call leave()
  virtual bool enter_part(const char* key, const char* kind, Need) = 0;
  virtual bool enter_list(const char* key, std::size_t& size, Need) = 0;  // sets size when reading; call leave()
  virtual bool enter_map(const char* key, std::vector<std::string>& keys, Need) = 0;  // sets keys when reading
  virtual void enter_item(std::size_t index) = 0;  // inside a list; what is read there uses key ""; call leave_item()
  virtual bool enter_item_part(std::size_t index, const char* kind) = 0;
  virtual void leave() = 0;
  virtual void leave_item() = 0;
  virtual bool present(const char* key, bool has_value, Need) = 0;  // reading: is the key there? writing: has_value
};

// ---- template glue ------------------------------------------------------------------------------------------------

template <class T> struct IsOptional : std::false_type {};
template <class T> struct IsOptional<std::optional<T>> : std::true_type {};
template <class T> struct IsVector : std::false_type {};
template <class T> struct IsVector<std::vector<T>> : std::true_type {};
template <class T> struct IsTextMap : std::false_type {};
template <class T> struct IsTextMap<std::map<std::string, T>> : std::true_type {};
template <class T>
concept PhysicalQuantity = requires {
  DimensionOf<T>::value;
};

template <class T> void Fields::operator()(const char* key, T& value, Need need, Range range) {
  if constexpr (IsOptional<T>::value) {
    if (!present(key, value.has_value(), need)) return;
    if (!value) value.emplace();
    (*this)(key, *value, need, range);
    if (!readable(key)) value.reset();
  } else if constexpr (IsTextMap<T>::value) {
    std::vector<std::string> keys;
    for (const auto& entry : value) keys.push_back(entry.first);
    if (!enter_map(key, keys, need)) return;
    for (const std::string& name : keys) (*this)(name.c_str(), value[name], Need::required, range);
    leave();
  } else if constexpr (IsVector<T>::value) {
    std::size_t size = value.size();
    if (!enter_list(key, size, need)) return;
    value.resize(size);
    for (std::size_t i = 0; i < size; ++i) {
      enter_item(i);
      if constexpr (std::is_same_v<typename T::value_type, bool>) static_assert(sizeof(T) == 0, "use vector<int>");
      (*this)("", value[i], Need::required, range);
      leave_item();
    }
    leave();
  } else if constexpr (PhysicalQuantity<T>) {
    quantity(key, value.value, DimensionOf<T>::value, need, range);
  } else if constexpr (std::is_same_v<T, bool>) {
    boolean(key, value, need);
  } else if constexpr (std::is_integral_v<T>) {
    auto wide = static_cast<std::int64_t>(value);
    Range fitting = range;
    fitting.low = std::max(fitting.low, static_cast<double>(std::numeric_limits<T>::min()));
    fitting.high = std::min(fitting.high, static_cast<double>(std::numeric_limits<T>::max()));
    integer(key, wide, need, fitting);
    value = static_cast<T>(wide);
  } else if constexpr (std::is_floating_point_v<T>) {
    real(key, value, need, range);
  } else if constexpr (std::is_same_v<T, std::string>) {
    text(key, value, need);
  } else if constexpr (std::is_enum_v<T>) {
    int index = static_cast<int>(value);
    choice(key, index, std::span<const std::string_view>(EnumNames<T>::names), need);
    value = static_cast<T>(index);
  } else {
    if (enter_object(key, need)) {
      fields(*this, value);
      leave();
    }
  }
}

template <class T> void Fields::parts(const char* key, const char* kind, std::vector<T>& value, Need need) {
  std::size_t size = value.size();
  if (!enter_list(key, size, need)) return;
  value.resize(size);
  for (std::size_t i = 0; i < size; ++i)
    if (enter_item_part(i, kind)) {
      fields(*this, value[i]);
      leave();
    }
  leave();
}

// ---- where named parts are found ----------------------------------------------------------------------------------

// Folders searched in order; in each, <folder>/<kind>/<name>.json, <folder>/models/<kind>/<name>.json, then
// <folder>/<name>.json. Kind "scenarios" lives in scenarios/library, kind "calibration" in kernels/calibration. A name is
// a file stem: it holds no '/' and starts with no '.'. The first folder is usually that of the scenario itself, then
// --library DIR, then the data installed with the binary.
class Library {
 public:
  Library() = default;
  explicit Library(std::vector<std::filesystem::path> folders) : folders_(std::move(folders)) {}
  const std::vector<std::filesystem::path>& folders() const { return folders_; }
  // Null path when absent.
  std::filesystem::path find(std::string_view kind, std::string_view name) const;
  // All names of a kind, sorted, without duplicates (those in folders of that kind: not of <folder>/<name>.json).
  std::vector<std::string> names(std::string_view kind) const;
  Library with_front(std::filesystem::path folder) const;
  // The data that came with the binary: beside it under ../share/orrery, else the source tree it was built from.
  static Library installed();

 private:
  std::vector<std::filesystem::path> folders_;
};

// ---- entry points -------------------------------------------------------------------------------------------------

namespace detail {
struct FieldsFunction {
  void* object;
  void (*call)(Fields&, void*);
};
void read_fields(const Json& document, const std::string& file, const Library&, std::string_view kind, FieldsFunction);
void read_part(std::string_view kind, std::string_view name, const Library&, FieldsFunction);
Json write_fields(FieldsFunction);
template <class T> FieldsFunction fields_of(T& value) {
  return {&value, [](Fields& f, void* p) { fields(f, *static_cast<T*>(p)); }};
}
}  // namespace detail

// Reads `document` (from `file`, used in messages) into a T, starting from T's defaults. Throws SpecError with all faults.
// With a `kind`, the document may itself be {"base": NAME, ...overrides}.
template <class T>
T read_spec(const Json& document, const std::string& file, const Library& library, std::string_view kind = {}) {
  T value;
  detail::read_fields(document, file, library, kind, detail::fields_of(value));
  return value;
}
// The fully resolved struct as JSON: every key present (absent optionals left out), quantities as unit strings.
template <class T> Json write_spec(const T& value) {
  T copy = value;
  return detail::write_fields(detail::fields_of(copy));
}
// A whole named part.
template <class T> T load_part(std::string_view kind, std::string_view name, const Library& library) {
  T value;
  detail::read_part(kind, name, library, detail::fields_of(value));
  return value;
}

// Applies "--set /json/pointer=VALUE": VALUE is JSON if it parses, else a string. A named part (a string) on the way is
// turned into {"base": NAME} first; objects that are missing are made, and the reader refuses those that may not be there.
// Items of lists must exist. Throws SpecError naming the pointer.
void set_value(Json& document, std::string_view assignment, const std::string& file);

}  // namespace orrery
