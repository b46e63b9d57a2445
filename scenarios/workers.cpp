#include "scenarios/workers.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <thread>

#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scenarios/console.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

// A message is the item's number, a length, and that many bytes.

struct Header {
  std::uint64_t item = 0, length = 0;
};

using Cell = std::atomic<std::uint64_t>;
constexpr std::uint64_t no_item = ~std::uint64_t{0};

// Shared by all workers: the number of the next item, and what each worker is busy with, so that the item over which one
// died is known.
class Board {
 public:
  explicit Board(std::size_t places) : size_((places + 1) * sizeof(Cell)) {
    void* memory = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw IoError("cannot share memory with worker processes");
    cells_ = static_cast<Cell*>(memory);
    new (cells_) Cell(0);
    for (std::size_t p = 1; p <= places; ++p) new (cells_ + p) Cell(no_item);
  }
  ~Board() { munmap(cells_, size_); }
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;
  std::uint64_t take(std::size_t place) { return cells_[place + 1] = cells_[0].fetch_add(1); }
  std::uint64_t next() const { return cells_[0]; }
  Cell& busy_with(std::size_t place) { return cells_[place + 1]; }

 private:
  std::size_t size_;
  Cell* cells_;
};

struct Worker {
  pid_t pid = -1;
  int fd = -1;
  std::string inbox;
};

std::string death_of(int status) {
  if (WIFSIGNALED(status))
    return fmt::format("killed by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  return fmt::format("ended with exit code {}", WEXITSTATUS(status));
}

class Pool {
 public:
  Pool(std::size_t items, std::size_t jobs, const WorkerTask& task, const std::function<bool(WorkerAnswer)>& received)
      : items_(items), task_(task), received_(received), answered_(items), board_(jobs), workers_(jobs) {}
  ~Pool() {
    for (Worker& worker : workers_)
      if (worker.pid > 0) kill(worker.pid, SIGKILL);
    for (Worker& worker : workers_)
      if (worker.pid > 0) {
        close(worker.fd);
        waitpid(worker.pid, nullptr, 0);
      }
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  void run(const std::function<bool()>& interrupted);

 private:
  void start(std::size_t place);
  [[noreturn]] void work(std::size_t place, int fd);
  void receive(std::size_t place);
  bool next_message(Worker&);
  void ended(std::size_t place);
  void answer(std::uint64_t item, std::optional<std::string> text, std::string death);

  std::size_t items_;
  const WorkerTask& task_;
  const std::function<bool(WorkerAnswer)>& received_;
  std::vector<bool> answered_;
  Board board_;
  std::vector<Worker> workers_;
  bool wanted_ = true;
};

void Pool::work(std::size_t place, int fd) {
  for (std::uint64_t item; (item = board_.take(place)) < items_;) {
    std::string text;
    try {
      text = task_(item);
    } catch (...) {
      _exit(1);
    }
    const Header header{item, text.size()};
    const std::string_view head(reinterpret_cast<const char*>(&header), sizeof header);
    if (!write_all(fd, head) || !write_all(fd, text)) _exit(1);
  }
  _exit(0);
}

void Pool::start(std::size_t place) {
  int ends[2];
  if (pipe(ends) != 0) throw IoError("cannot open a pipe to a worker process");
  std::fflush(nullptr);  // what is buffered must not be written twice
  const pid_t parent = getpid(), pid = fork();
  if (pid < 0) throw IoError(fmt::format("cannot start a worker process: {}", std::strerror(errno)));
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);  // it died before we asked
    close(ends[0]);
    for (const Worker& other : workers_)
      if (other.pid > 0) close(other.fd);
    work(place, ends[1]);
  }
  close(ends[1]);
  workers_[place] = {pid, ends[0], {}};
}

void Pool::answer(std::uint64_t item, std::optional<std::string> text, std::string death) {
  ORRERY_CHECK(item < items_ && !answered_[item], "worker answered item {} of {}", item, items_);
  answered_[item] = true;
  if (wanted_) wanted_ = received_({static_cast<std::size_t>(item), std::move(text), std::move(death)});
}

bool Pool::next_message(Worker& worker) {
  Header header;
  if (worker.inbox.size() < sizeof header) return false;
  std::memcpy(&header, worker.inbox.data(), sizeof header);
  if (worker.inbox.size() < sizeof header + header.length) return false;
  std::string text = worker.inbox.substr(sizeof header, header.length);
  worker.inbox.erase(0, sizeof header + header.length);
  answer(header.item, std::move(text), {});
  return true;
}

void Pool::ended(std::size_t place) {
  Worker& worker = workers_[place];
  close(worker.fd);
  int status = 0;
  while (waitpid(worker.pid, &status, 0) < 0 && errno == EINTR) {
  }
  worker = {};
  const std::uint64_t item = board_.busy_with(place).exchange(no_item);
  if (item < items_ && !answered_[item]) answer(item, std::nullopt, death_of(status));
  if (wanted_ && board_.next() < items_) start(place);  // it died over its item: another goes on after it
}

void Pool::receive(std::size_t place) {
  Worker& worker = workers_[place];
  char buffer[65536];
  const ssize_t size = read(worker.fd, buffer, sizeof buffer);
  if (size < 0 && errno == EINTR) return;
  if (size <= 0) return ended(place);
  worker.inbox.append(buffer, static_cast<std::size_t>(size));
  while (next_message(worker)) {
  }
}

void Pool::run(const std::function<bool()>& interrupted) {
  for (std::size_t place = 0; place < workers_.size(); ++place) start(place);
  while (wanted_) {
    std::vector<pollfd> waiting;
    std::vector<std::size_t> places;
    for (std::size_t place = 0; place < workers_.size(); ++place)
      if (workers_[place].pid > 0) {
        waiting.push_back({workers_[place].fd, POLLIN, 0});
        places.push_back(place);
      }
    if (waiting.empty()) break;
    const int ready = poll(waiting.data(), waiting.size(), -1);
    if (interrupted && interrupted()) return;
    if (ready < 0 && errno != EINTR) throw IoError("cannot wait for worker processes");
    if (ready < 0) continue;
    for (std::size_t w = 0; w < waiting.size() && wanted_; ++w)
      if (waiting[w].revents != 0) receive(places[w]);
  }
  // One killed between taking an item and noting it down leaves no trace of which it was.
  for (std::size_t item = 0; item < items_ && wanted_; ++item)
    if (!answered_[item]) answer(item, std::nullopt, "died");
}

std::size_t worker_count(std::size_t items, int jobs) {
  const std::size_t wanted = jobs > 0 ? static_cast<std::size_t>(jobs)
                                      : std::max(1u, std::thread::hardware_concurrency());
  return std::min(wanted, items);
}

}  // namespace

void run_in_workers(std::size_t items, int jobs, const WorkerTask& task,
                    const std::function<bool(WorkerAnswer)>& received, const std::function<bool()>& interrupted) {
  Pool(items, worker_count(items, jobs), task, received).run(interrupted);
}

std::vector<std::optional<std::string>> run_in_workers(std::size_t items, int jobs, const WorkerTask& task,
                                                       const std::function<void(std::size_t)>& progress) {
  std::vector<std::optional<std::string>> results(items);
  std::size_t done = 0;
  const auto keep = [&](WorkerAnswer answer) {
    results[answer.item] = std::move(answer.text);
    if (progress) progress(++done);
    return true;
  };
  run_in_workers(items, jobs, task, keep, nullptr);
  return results;
}

}  // namespace orrery
