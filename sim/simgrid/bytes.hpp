// Plain values through a pipe between a process and its own child: no version, no byte order. Lists are written from where
// they lie and read to where they stay, so that neither side holds a second copy of a long one.
// A reader that finds the pipe closed before it has what it wants throws CutOff.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace orrery {

struct CutOff {};

class ByteWriter {
 public:
  explicit ByteWriter(int fd) : fd_(fd) {}
  template <class T> void value(const T& v) {
    static_assert(std::is_trivially_copyable_v<T>);
    put(&v, sizeof v);
  }
  template <class T> void list(const std::vector<T>& values) {
    static_assert(std::is_trivially_copyable_v<T>);
    value(values.size());
    put(values.data(), values.size() * sizeof(T));
  }
  void text(std::string_view s) {
    value(s.size());
    put(s.data(), s.size());
  }
  bool has_sent() const { return sent_; }  // something has left for the other side
  void take_back() { waiting_.clear(); }   // what has not
  void flush();                            // throws IoError when nobody reads any more

 private:
  void put(const void* bytes, std::size_t size);
  void send(const char* bytes, std::size_t size);
  int fd_;
  bool sent_ = false;
  std::string waiting_;
};

class ByteReader {
 public:
  explicit ByteReader(int fd) : fd_(fd) {}
  template <class T> T value() {
    static_assert(std::is_trivially_copyable_v<T>);
    T v;
    get(&v, sizeof v);
    return v;
  }
  template <class T> std::vector<T> list() {
    std::vector<T> values;
    const auto size = value<std::size_t>();
    constexpr std::size_t block = (std::size_t{1} << 26) / sizeof(T) + 1;  // a size that was never sent is not believed
    for (std::size_t read = 0; read < size; read = values.size()) {
      if (read > 0 && values.capacity() < size) values.reserve(size);
      values.resize(std::min(size, read + block));
      get(values.data() + read, (values.size() - read) * sizeof(T));
    }
    return values;
  }
  std::string text() {
    const std::vector<char> letters = list<char>();
    return {letters.begin(), letters.end()};
  }
  bool at_end();  // the other side has closed the pipe and everything has been read

 private:
  void get(void* bytes, std::size_t size);
  int fd_;
};

}  // namespace orrery
