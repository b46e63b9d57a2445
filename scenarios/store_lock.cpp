#include "scenarios/store_lock.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "sim/error.hpp"

namespace orrery {

StoreLock::StoreLock(const std::filesystem::path& store) {
  const std::string path = store.string() + ".lock";
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw IoError(fmt::format("{}: cannot be written: {}", path, std::strerror(errno)));
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(descriptor_, F_SETLK, &whole) == 0) return;
  const int error = errno;
  ::fcntl(descriptor_, F_GETLK, &whole);
  ::close(descriptor_);
  if (error != EACCES && error != EAGAIN)
    throw IoError(fmt::format("{}: cannot be locked: {}", path, std::strerror(error)));
  throw SpecError(
      store.string(), "", "a store that no running sweep writes to",
      whole.l_pid > 0 ? fmt::format("process {} writing to it", whole.l_pid) : "another computer writing to it");
}

StoreLock::~StoreLock() { ::close(descriptor_); }

}  // namespace orrery
