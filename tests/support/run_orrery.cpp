#include "tests/support/run_orrery.hpp"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace orrery::test {

namespace fs = std::filesystem;

namespace {

// Where the program's standard output goes; -1 when it cannot be opened.
int open_output(Output output, const std::string& file) {
  if (output == Output::full_device) return ::open("/dev/full", O_WRONLY);
  if (output == Output::kept) return ::open(file.c_str(), O_WRONLY | O_CREAT, 0600);
  int ends[2] = {-1, -1};
  if (::pipe(ends) != 0) return -1;
  ::close(ends[0]);  // nobody reads
  return ends[1];
}

[[noreturn]] void become_orrery(const std::vector<std::string>& arguments, int output, const std::string& err) {
  const int input = ::open("/dev/null", O_RDONLY);
  const int errors = ::open(err.c_str(), O_WRONLY | O_CREAT, 0600);
  if (input < 0 || output < 0 || errors < 0) ::_exit(126);
  ::dup2(input, 0);
  ::dup2(output, 1);
  ::dup2(errors, 2);
  std::vector<std::string> words{"orrery"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execv(ORRERY_BINARY, argv.data());
  ::_exit(127);
}

}  // namespace

Outcome run_orrery(const std::vector<std::string>& arguments, Circumstances circumstances) {
  const Folder folder;
  const std::string out = folder.path("out"), err = folder.path("err");
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child == 0) become_orrery(arguments, open_output(circumstances.output, out), err);
  if (circumstances.interrupt_after_ms > 0) {
    ::usleep(1000U * static_cast<unsigned>(circumstances.interrupt_after_ms));
    ::kill(child, SIGINT);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  Outcome outcome;
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  outcome.out = circumstances.output == Output::kept ? read_text(out) : "";
  outcome.err = read_text(err);
  return outcome;
}

Folder::Folder() {
  std::string name = (fs::temp_directory_path() / "orrery-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder for a test");
  path_ = name;
}

Folder::~Folder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string Folder::path(std::string_view name) const {
  return name.empty() ? path_.string() : (path_ / name).string();
}

std::string Folder::write(std::string_view name, std::string_view content) const {
  std::ofstream(path(name), std::ios::binary) << content;
  return path(name);
}

std::vector<std::string> Folder::names() const {
  std::vector<std::string> all;
  for (const auto& entry : fs::directory_iterator(path_)) all.push_back(entry.path().filename().string());
  std::sort(all.begin(), all.end());
  return all;
}

std::string read_text(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace orrery::test
