#include "scenarios/console.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <sys/time.h>
#include <unistd.h>

#include "sim/error.hpp"

namespace orrery {

namespace {

// What the alarm handler may touch: written before the timer starts, only read while it runs.
std::array<char, 160> progress_text{};
std::size_t progress_length = 0;
std::atomic<int> progress_seconds{0};
static_assert(std::atomic<int>::is_always_lock_free);

// A timer and a handler rather than a thread: the engine forks, and a forked child has no timers.
extern "C" void show_progress(int) {
  const int saved = errno;
  int seconds = ++progress_seconds;
  std::array<char, 12> digits{};
  std::size_t first = digits.size();
  for (; seconds > 0; seconds /= 10) digits[--first] = static_cast<char>('0' + seconds % 10);
  std::array<char, 200> line{};
  std::size_t length = 0;
  const auto append = [&](const char* text, std::size_t size) {
    std::memcpy(line.data() + length, text, size);
    length += size;
  };
  append("\r", 1);
  append(progress_text.data(), progress_length);
  append(" ... ", 5);
  append(digits.data() + first, digits.size() - first);
  append(" s\033[K", 5);
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, line.data(), length);
  errno = saved;
}

void set_timer(int seconds) {
  itimerval timer{};
  timer.it_value.tv_sec = timer.it_interval.tv_sec = seconds;
  setitimer(ITIMER_REAL, &timer, nullptr);
}

}  // namespace

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

void print(std::string_view text) {
  if (write_all(STDOUT_FILENO, text) || errno == EPIPE) return;
  throw IoError(std::string("cannot write to standard output: ") + std::strerror(errno));
}

void print_error(std::string_view text) {
  write_all(STDERR_FILENO, text);  // where this fails there is nobody left to tell
}

bool colour_wanted() {
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr && terminal != nullptr &&
         std::strcmp(terminal, "dumb") != 0;
}

Progress::Progress(const std::string& what) {
  if (::isatty(STDERR_FILENO) != 1) return;
  progress_length = std::min(what.size(), progress_text.size());
  std::memcpy(progress_text.data(), what.data(), progress_length);
  progress_seconds = 0;
  struct sigaction action {};
  action.sa_handler = show_progress;
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, nullptr);
  set_timer(1);
  shown_ = true;
}

Progress::~Progress() {
  if (!shown_) return;
  set_timer(0);
  if (progress_seconds > 0) write_all(STDERR_FILENO, "\r\033[K");
}

}  // namespace orrery
