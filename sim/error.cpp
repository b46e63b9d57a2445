#include "sim/error.hpp"

#include "sim/printable.hpp"

namespace orrery {

// Names of files, pointers and what was found repeat the user's words, which may be of any length; what was expected is
// ours, and may list all keys of an object.
std::string Fault::text() const {
  constexpr std::size_t longest_file = 1000, longest_pointer = 200, longest_found = 400, longest_expected = 4000;
  std::string where = file.empty() ? std::string("input") : printable(file, longest_file);
  where += pointer.empty() ? ": " : fmt::format(": at {}: ", printable(pointer, longest_pointer));
  return fmt::format("{}expected {}, found {}", where, printable(expected, longest_expected),
                     printable(found, longest_found));
}

static std::string join(const std::vector<Fault>& faults) {
  std::string all;
  for (const Fault& fault : faults) all += (all.empty() ? "" : "\n") + fault.text();
  return all;
}

SpecError::SpecError(std::vector<Fault> faults) : std::runtime_error(join(faults)), faults_(std::move(faults)) {}

void internal_error(const char* file, int line, const std::string& message) {
  throw InternalError(fmt::format("internal error at {}:{}: {} (this is a bug in orrery)", file, line, message));
}

}  // namespace orrery
