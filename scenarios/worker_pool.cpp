#include "scenarios/worker_pool.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>

#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/error.hpp"

namespace orrery {
namespace {

constexpr char result_mark = 'R', io_mark = 'I', error_mark = 'E';

struct Worker {
  pid_t process = -1;
  int pipe = -1;
  std::size_t index = 0;
  std::string output;
};

void write_all(int file, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = ::write(file, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) ::_exit(1);  // the parent is gone
    done += static_cast<std::size_t>(n);
  }
}

[[noreturn]] void work_and_exit(int pipe, const std::function<std::string(std::size_t)>& work, std::size_t index) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // no simulation outlives an interrupted command
  std::string text;
  try {
    text = result_mark + work(index);
  } catch (const IoError& error) {
    text = io_mark + std::string(error.what());
  } catch (const std::exception& error) {
    text = error_mark + std::string(error.what());
  }
  write_all(pipe, text);
  ::_exit(0);  // not exit: the buffers of the parent are not ours to flush
}

class Pool {
 public:
  Pool(const std::function<std::string(std::size_t)>& work, std::size_t count) : work_(work), results_(count) {}
  ~Pool() {
    for (const Worker& worker : running_) {
      ::kill(worker.process, SIGKILL);
      ::waitpid(worker.process, nullptr, 0);
      ::close(worker.pipe);
    }
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  std::size_t running() const { return running_.size(); }

  void start(std::size_t index) {
    int ends[2];
    if (::pipe(ends) != 0) throw IoError(fmt::format("cannot open a pipe: {}", std::strerror(errno)));
    const pid_t process = ::fork();
    if (process < 0) {
      ::close(ends[0]);
      ::close(ends[1]);
      throw IoError(fmt::format("cannot start a process: {}", std::strerror(errno)));
    }
    if (process == 0) {
      ::close(ends[0]);
      work_and_exit(ends[1], work_, index);
    }
    ::close(ends[1]);
    running_.push_back({process, ends[0], index, {}});
  }

  // Waits until at least one worker has ended; returns how many have.
  std::size_t collect() {
    std::size_t ended = 0;
    while (ended == 0) {
      std::vector<pollfd> files;
      for (const Worker& worker : running_) files.push_back({worker.pipe, POLLIN, 0});
      if (::poll(files.data(), files.size(), -1) < 0) {
        if (errno == EINTR) continue;
        throw IoError(fmt::format("cannot wait for a process: {}", std::strerror(errno)));
      }
      for (std::size_t i = files.size(); i-- > 0;)
        if (files[i].revents != 0 && !read_some(running_[i])) {
          Worker worker = std::move(running_[i]);
          running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
          finish(std::move(worker));
          ++ended;
        }
    }
    return ended;
  }

  std::vector<std::string> results() && { return std::move(results_); }

 private:
  static bool read_some(Worker& worker) {
    char buffer[65536];
    const ssize_t n = ::read(worker.pipe, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) return true;
    if (n <= 0) return false;
    worker.output.append(buffer, static_cast<std::size_t>(n));
    return true;
  }

  void finish(Worker worker) {
    ::close(worker.pipe);
    int status = 0;
    while (::waitpid(worker.process, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status))
      throw IoError(fmt::format("a simulation was ended by signal {} ({}); out of memory? fewer --jobs need less",
                                WTERMSIG(status), ::strsignal(WTERMSIG(status))));
    if (worker.output.empty()) throw std::runtime_error("a simulation ended without a result");
    std::string text = worker.output.substr(1);
    if (worker.output.front() == io_mark) throw IoError(text);
    if (worker.output.front() == error_mark) throw std::runtime_error(text);
    results_[worker.index] = std::move(text);
  }

  const std::function<std::string(std::size_t)>& work_;
  std::vector<Worker> running_;
  std::vector<std::string> results_;
};

}  // namespace

std::vector<std::string> run_in_processes(std::size_t count, std::size_t jobs,
                                          const std::function<std::string(std::size_t)>& work,
                                          const std::function<void(std::size_t)>& finished) {
  Pool pool(work, count);
  std::size_t next = 0, done = 0;
  while (done < count) {
    while (next < count && pool.running() < std::max<std::size_t>(1, jobs)) pool.start(next++);
    done += pool.collect();
    if (finished) finished(done);
  }
  return std::move(pool).results();
}

std::size_t available_processors() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
}

}  // namespace orrery
