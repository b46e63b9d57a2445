#include "sim/simgrid/child.hpp"

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
#include "sim/error.hpp"

namespace orrery {
namespace {

enum class Outcome : char {
  result = 'r',
  spec_error = 's',
  stuck = 'k',
  io_error = 'i',
  no_memory = 'm',
  internal_error = 'e'
};

void send(ByteWriter& writer, Outcome outcome, std::string_view text) {
  writer.value(outcome);
  writer.text(text);
}

// The exception that is being handled.
void send_exception(ByteWriter& writer) {
  try {
    throw;
  } catch (const SpecError& error) {
    writer.value(Outcome::spec_error);
    writer.value(error.faults().size());
    for (const Fault& fault : error.faults())
      for (const std::string* part : {&fault.file, &fault.pointer, &fault.expected, &fault.found}) writer.text(*part);
  } catch (const StuckError& error) {
    send(writer, Outcome::stuck, error.what());
  } catch (const IoError& error) {
    send(writer, Outcome::io_error, error.what());
  } catch (const std::bad_alloc& error) {
    send(writer, Outcome::no_memory, error.what());
  } catch (const std::exception& error) {
    send(writer, Outcome::internal_error, error.what());
  } catch (...) {
    send(writer, Outcome::internal_error, "the simulation threw something that is no exception");
  }
}

// Whether the parent can tell what happened: not, if `work` fails halfway through its result.
bool send_result_or_exception(ByteWriter& writer, const std::function<void(ByteWriter&)>& work) {
  try {
    writer.value(Outcome::result);
    work(writer);
  } catch (...) {
    if (writer.has_sent()) return false;
    writer.take_back();
    send_exception(writer);
  }
  writer.flush();
  return true;
}

[[noreturn]] void be_the_child(int fd, const std::function<void(ByteWriter&)>& work) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  bool told = false;
  try {
    ByteWriter writer(fd);
    told = send_result_or_exception(writer, work);
  } catch (...) {  // nobody reads
  }
  ::_exit(told ? 0 : 1);
}

struct Child {
  pid_t pid;
  int fd;
};

Child start_child(const std::function<void(ByteWriter&)>& work) {
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

[[noreturn]] void rethrow(Outcome outcome, ByteReader& reader) {
  switch (outcome) {
    case Outcome::spec_error: {
      std::vector<Fault> faults(reader.value<std::size_t>());
      for (Fault& fault : faults)
        for (std::string* part : {&fault.file, &fault.pointer, &fault.expected, &fault.found}) *part = reader.text();
      throw SpecError(std::move(faults));
    }
    case Outcome::stuck:
      throw StuckError(reader.text());
    case Outcome::io_error:
      throw IoError(reader.text());
    case Outcome::no_memory:
      throw std::bad_alloc();
    default:
      throw InternalError(reader.text());
  }
}

void read_result_or_exception(ByteReader& reader, const std::function<void(ByteReader&)>& receive) {
  const auto outcome = reader.value<Outcome>();
  if (outcome != Outcome::result) rethrow(outcome, reader);
  receive(reader);
  ORRERY_CHECK(reader.at_end(), "the simulation process sent more than its result");
}

}  // namespace

void run_in_child(const std::function<void(ByteWriter&)>& work, const std::function<void(ByteReader&)>& receive) {
  const Child child = start_child(work);
  ByteReader reader(child.fd);
  std::exception_ptr failed;
  bool cut_off = false;
  try {
    read_result_or_exception(reader, receive);
  } catch (const CutOff&) {
    cut_off = true;
  } catch (...) {
    failed = std::current_exception();
  }
  ::close(child.fd);
  int status = 0;
  while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (failed) std::rethrow_exception(failed);
  if (!cut_off) return;
  const std::string cause = fmt::format("the simulation process {}", cause_of_death(status));
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
    throw KilledError(cause + ", as one that needs too much memory is");
  throw InternalError(cause);
}

}  // namespace orrery
