#include "sim/simgrid/child.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <mutex>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/engine.hpp"
#include "sim/simgrid/bytes.hpp"

namespace orrery {
namespace {

enum class Outcome : char { result = 'r', spec_error = 's', stuck = 'k', io_error = 'i', internal_error = 'e' };

std::string message(Outcome outcome, std::string_view text) {
  std::string bytes(1, static_cast<char>(outcome));
  return bytes.append(text);
}

std::string message_of(const std::function<std::string()>& work) {
  try {
    return message(Outcome::result, work());
  } catch (const SpecError& error) {
    ByteWriter writer;
    writer.value(error.faults().size());
    for (const Fault& fault : error.faults())
      for (const std::string* part : {&fault.file, &fault.pointer, &fault.expected, &fault.found}) writer.text(*part);
    return message(Outcome::spec_error, writer.take());
  } catch (const StuckError& error) {
    return message(Outcome::stuck, error.what());
  } catch (const IoError& error) {
    return message(Outcome::io_error, error.what());
  } catch (const std::exception& error) {
    return message(Outcome::internal_error, error.what());
  } catch (...) {
    return message(Outcome::internal_error, "the simulation threw something that is no exception");
  }
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::string read_all(int fd) {
  std::string bytes;
  std::size_t used = 0;
  while (true) {
    if (bytes.size() - used < (1u << 16)) bytes.resize(std::max<std::size_t>(1u << 20, 2 * bytes.size()));
    const ssize_t got = ::read(fd, bytes.data() + used, bytes.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw IoError(fmt::format("cannot read from the simulation process: {}", std::strerror(errno)));
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  bytes.resize(used);
  return bytes;
}

// The child's side of the message carries its length first, so that a child that dies while writing is noticed.
[[noreturn]] void be_the_child(int fd, const std::function<std::string()>& work) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const std::string bytes = message_of(work);
  ByteWriter length;
  length.value(bytes.size());
  ::_exit(write_all(fd, length.take()) && write_all(fd, bytes) ? 0 : 1);
}

struct Child {
  pid_t pid;
  int fd;
};

Child start_child(const std::function<std::string()>& work) {
  // One fork at a time: a child forked meanwhile by another thread would hold our pipe open.
  static std::mutex forking;
  const std::scoped_lock lock(forking);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw IoError(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  ::fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);  // fewer switches between the two; fine if refused
  const pid_t pid = ::fork();
  if (pid < 0) {
    const int why = errno;
    ::close(ends[0]);
    ::close(ends[1]);
    throw IoError(fmt::format("cannot start the simulation process: {}", std::strerror(why)));
  }
  if (pid == 0) {
    ::close(ends[0]);
    be_the_child(ends[1], work);
  }
  ::close(ends[1]);
  return {pid, ends[0]};
}

std::string cause_of_death(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return fmt::format("was ended by signal {} ({})", signal, ::strsignal(signal));
  }
  return fmt::format("ended with status {} before it had sent its result", WEXITSTATUS(status));
}

[[noreturn]] void rethrow(Outcome outcome, const std::string& text) {
  switch (outcome) {
    case Outcome::spec_error: {
      ByteReader reader(text);
      std::vector<Fault> faults(reader.value<std::size_t>());
      for (Fault& fault : faults)
        for (std::string* part : {&fault.file, &fault.pointer, &fault.expected, &fault.found}) *part = reader.text();
      throw SpecError(std::move(faults));
    }
    case Outcome::stuck:
      throw StuckError(text);
    case Outcome::io_error:
      throw IoError(text);
    default:
      throw InternalError(text);
  }
}

}  // namespace

std::string run_in_child(const std::function<std::string()>& work) {
  const Child child = start_child(work);
  std::string bytes;
  std::exception_ptr failed;
  try {
    bytes = read_all(child.fd);
  } catch (...) {
    failed = std::current_exception();
  }
  ::close(child.fd);
  int status = 0;
  while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (failed) std::rethrow_exception(failed);
  constexpr std::size_t header = sizeof(std::size_t);
  if (!WIFEXITED(status) || bytes.size() < header + 1 ||
      ByteReader(bytes).value<std::size_t>() != bytes.size() - header)
    throw InternalError(fmt::format("the simulation process {}", cause_of_death(status)));
  const auto outcome = static_cast<Outcome>(bytes[header]);
  bytes.erase(0, header + 1);
  if (outcome != Outcome::result) rethrow(outcome, bytes);
  return bytes;
}

}  // namespace orrery
