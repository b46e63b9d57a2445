#include "scenarios/validate_workers.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <thread>

#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/error.hpp"

namespace orrery {

namespace {

// A message is the item's number, a length, and that many bytes.

struct Header {
  std::uint64_t item = 0, length = 0;
};

bool write_all(int fd, const void* data, std::size_t size) {
  const char* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = write(fd, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

// Shared by all workers: the number of the next item.
class SharedCounter {
 public:
  SharedCounter() {
    void* memory = mmap(nullptr, sizeof(std::atomic<std::uint64_t>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                        -1, 0);
    if (memory == MAP_FAILED) throw IoError("cannot share memory with worker processes");
    next_ = new (memory) std::atomic<std::uint64_t>(0);
  }
  ~SharedCounter() { munmap(next_, sizeof *next_); }
  SharedCounter(const SharedCounter&) = delete;
  SharedCounter& operator=(const SharedCounter&) = delete;
  std::uint64_t take() { return next_->fetch_add(1); }
  std::uint64_t value() const { return next_->load(); }

 private:
  std::atomic<std::uint64_t>* next_;
};

struct Worker {
  pid_t pid = -1;
  int fd = -1;
  std::string inbox;
};

class Pool {
 public:
  Pool(std::size_t items, const std::function<std::string(std::size_t)>& task,
       const std::function<void(std::size_t)>& progress)
      : items_(items), task_(task), progress_(progress), results_(items) {}
  ~Pool() {
    for (Worker& worker : workers_) close(worker.fd);
    for (Worker& worker : workers_) waitpid(worker.pid, nullptr, 0);
  }
  std::vector<std::optional<std::string>> run(std::size_t jobs);

 private:
  void start_worker();
  [[noreturn]] void work(int fd);
  void receive(Worker&);
  bool next_message(Worker&);

  std::size_t items_;
  const std::function<std::string(std::size_t)>& task_;
  const std::function<void(std::size_t)>& progress_;
  std::vector<std::optional<std::string>> results_;
  SharedCounter counter_;
  std::vector<Worker> workers_;
  std::size_t done_ = 0;
};

void Pool::work(int fd) {
  for (std::uint64_t item; (item = counter_.take()) < items_;) {
    std::string text;
    try {
      text = task_(item);
    } catch (...) {
      _exit(1);
    }
    const Header header{item, text.size()};
    if (!write_all(fd, &header, sizeof header) || !write_all(fd, text.data(), text.size())) _exit(1);
  }
  _exit(0);
}

void Pool::start_worker() {
  int ends[2];
  if (pipe(ends) != 0) throw IoError("cannot open a pipe to a worker process");
  std::fflush(nullptr);  // what is buffered must not be written twice
  const pid_t pid = fork();
  if (pid < 0) throw IoError("cannot start a worker process");
  if (pid == 0) {
    close(ends[0]);
    for (const Worker& other : workers_) close(other.fd);
    work(ends[1]);
  }
  close(ends[1]);
  workers_.push_back({pid, ends[0], {}});
}

bool Pool::next_message(Worker& worker) {
  Header header;
  if (worker.inbox.size() < sizeof header) return false;
  std::memcpy(&header, worker.inbox.data(), sizeof header);
  if (worker.inbox.size() < sizeof header + header.length) return false;
  ORRERY_CHECK(header.item < items_ && !results_[header.item], "worker answered item {} of {}", header.item, items_);
  results_[header.item] = worker.inbox.substr(sizeof header, header.length);
  worker.inbox.erase(0, sizeof header + header.length);
  if (progress_) progress_(++done_);
  return true;
}

void Pool::receive(Worker& worker) {
  char buffer[65536];
  const ssize_t size = read(worker.fd, buffer, sizeof buffer);
  if (size < 0 && errno == EINTR) return;
  if (size > 0) {
    worker.inbox.append(buffer, static_cast<std::size_t>(size));
    while (next_message(worker)) {
    }
    return;
  }
  close(worker.fd);
  int status = 0;
  waitpid(worker.pid, &status, 0);
  worker.fd = -1;
}

std::vector<std::optional<std::string>> Pool::run(std::size_t jobs) {
  for (std::size_t j = 0; j < std::min(jobs, items_); ++j) start_worker();
  while (!workers_.empty()) {
    std::vector<pollfd> waiting;
    for (const Worker& worker : workers_) waiting.push_back({worker.fd, POLLIN, 0});
    if (poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR)
      throw IoError("cannot wait for worker processes");
    for (std::size_t w = 0; w < waiting.size(); ++w)
      if (waiting[w].revents != 0) receive(workers_[w]);
    const std::size_t lost = static_cast<std::size_t>(
        std::count_if(workers_.begin(), workers_.end(), [](const Worker& w) { return w.fd < 0; }));
    std::erase_if(workers_, [](const Worker& w) { return w.fd < 0; });
    // One that ended while items are left died over its item: another goes on after it.
    for (std::size_t l = 0; l < lost && counter_.value() < items_; ++l) start_worker();
  }
  return std::move(results_);
}

}  // namespace

std::vector<std::optional<std::string>> run_in_workers(std::size_t items, int jobs,
                                                       const std::function<std::string(std::size_t)>& task,
                                                       const std::function<void(std::size_t)>& progress) {
  const std::size_t wanted = jobs > 0 ? static_cast<std::size_t>(jobs)
                                      : std::max(1u, std::thread::hardware_concurrency());
  return Pool(items, task, progress).run(wanted);
}

}  // namespace orrery
