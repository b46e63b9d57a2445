// Runs the built program as its users do, in a process of its own, and keeps what it printed and how it ended.
// Folder is a directory of the test's own that is removed with everything in it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::test {

struct Outcome {
  int exit_code = -1;  // 128 + signal when a signal ended it
  std::string out, err;
};

enum class Output { kept, full_device, closed_pipe };

struct Circumstances {
  Output output = Output::kept;
  int interrupt_after_ms = 0;  // send SIGINT; 0: let it finish
};

Outcome run_orrery(const std::vector<std::string>& arguments, Circumstances = {});

class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string path(std::string_view name = "") const;  // of a file in it
  std::string write(std::string_view name, std::string_view content) const;
  std::vector<std::string> names() const;  // what it holds, sorted

 private:
  std::filesystem::path path_;
};

std::string read_text(const std::filesystem::path&);

}  // namespace orrery::test
