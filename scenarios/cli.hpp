// The command line: parses the arguments, runs one command, and turns every way to end into an exit code and one clear
// line per fault on standard error. Commands know nothing of each other; the table in commands/commands.cpp names them.
#pragma once

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace orrery {

enum ExitCode : int {
  exit_done = 0,
  exit_failed = 1,      // our bug, or the machine: I/O, memory
  exit_bad_input = 2,   // usage, or faults of an input file
  exit_infeasible = 3,  // simulated, but does not fit in memory
  exit_interrupted = 130
};

// What a command may ask about how it was called.
struct Invocation {
  std::vector<std::string> command_line;  // "orrery", then the arguments as given
  std::chrono::steady_clock::time_point started;
};

// Bad usage that only the command itself can see; one line, exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Declares a command's options on `app` and returns what runs it once they are parsed. Its result is the exit code.
using CommandAction = std::function<int()>;
using DeclareCommand = CommandAction (*)(CLI::App& app, const Invocation&);

int run_command_line(int argc, char** argv);

}  // namespace orrery
