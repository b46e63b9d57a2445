// What can go wrong, and who is to blame. The command line maps each type to its exit code:
// SpecError 2 (the user's input; all faults of a file together), InternalError 1 (our bug), IoError 1 (the machine).
// "Does not fit in memory" is not an error but a result.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace orrery {

// One fault of an input document. `pointer` is an RFC 6901 JSON pointer into `file`; "" is the whole document.
struct Fault {
  std::string file;
  std::string pointer;
  std::string expected;
  std::string found;

  std::string text() const;  // "FILE: at /a/b: expected X, found Y"
};

class SpecError : public std::runtime_error {
 public:
  explicit SpecError(std::vector<Fault> faults);
  SpecError(std::string file, std::string pointer, std::string expected, std::string found)
      : SpecError(std::vector<Fault>{{std::move(file), std::move(pointer), std::move(expected), std::move(found)}}) {}
  const std::vector<Fault>& faults() const { return faults_; }

 private:
  std::vector<Fault> faults_;
};

class IoError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] void internal_error(const char* file, int line, const std::string& message);

// An always-on check of our own reasoning. Usage: ORRERY_CHECK(x > 0, "x is {}", x);
#define ORRERY_CHECK(condition, ...) \
  ((condition) ? void(0) : ::orrery::internal_error(__FILE__, __LINE__, fmt::format(__VA_ARGS__)))

}  // namespace orrery
