// Standard output and standard error as the commands use them. Results go to standard output in one piece; everything
// else (progress, errors) goes to standard error. A reader that closed the pipe ends the output quietly; any other failed
// write is an IoError.
#pragma once

#include <string>
#include <string_view>

namespace orrery {

void print(std::string_view text);        // to standard output
void print_error(std::string_view text);  // one or more lines to standard error
// All of it, however many writes that takes; false when one failed, and errno says why.
bool write_all(int descriptor, std::string_view text);
// Whether standard output takes ANSI colours: a terminal, and NO_COLOR is not set.
bool colour_wanted();

// While it lives, and when standard error is a terminal, a line there tells after one second what is being done and for
// how long. It is gone when it ends. At most one at a time.
class Progress {
 public:
  explicit Progress(const std::string& what);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  bool shown_ = false;
};

}  // namespace orrery
