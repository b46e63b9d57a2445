#include "sim/error.hpp"

namespace orrery {

std::string Fault::text() const {
  std::string where = file.empty() ? std::string("input") : file;
  where += pointer.empty() ? ": " : fmt::format(": at {}: ", pointer);
  return fmt::format("{}expected {}, found {}", where, expected, found);
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
