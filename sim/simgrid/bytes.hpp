// Plain values to bytes and back, for a pipe between a process and its own child: no version, no byte order.
// A reader checks every length against what is left.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "sim/error.hpp"

namespace orrery {

class ByteWriter {
 public:
  template <class T> void value(const T& v) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&v), sizeof v);
  }
  template <class T> void list(const std::vector<T>& values) {
    static_assert(std::is_trivially_copyable_v<T>);
    value(values.size());
    if (!values.empty()) bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  }
  void text(std::string_view s) {
    value(s.size());
    bytes_.append(s);
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}
  template <class T> T value() {
    static_assert(std::is_trivially_copyable_v<T>);
    T v;
    std::memcpy(&v, take(sizeof v).data(), sizeof v);
    return v;
  }
  template <class T> std::vector<T> list() {
    const auto size = value<std::size_t>();
    ORRERY_CHECK(size <= bytes_.size() / sizeof(T), "a list of {} in {} bytes", size, bytes_.size());
    std::vector<T> values(size);
    const std::string_view from = take(size * sizeof(T));
    if (size > 0) std::memcpy(values.data(), from.data(), from.size());
    return values;
  }
  std::string text() { return std::string(take(value<std::size_t>())); }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::string_view take(std::size_t size) {
    ORRERY_CHECK(size <= bytes_.size(), "{} bytes wanted, {} left", size, bytes_.size());
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  std::string_view bytes_;
};

}  // namespace orrery
