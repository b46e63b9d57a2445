#include "sim/simgrid/bytes.hpp"

#include <cerrno>
#include <cstring>

#include <unistd.h>

#include "sim/error.hpp"

namespace orrery {
namespace {

constexpr std::size_t block = std::size_t{1} << 16;

// Bytes read; 0 at the end of the pipe.
std::size_t read_some(int fd, char* bytes, std::size_t size) {
  while (true) {
    const ssize_t got = ::read(fd, bytes, size);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) throw IoError(fmt::format("cannot read from the simulation process: {}", std::strerror(errno)));
  }
}

}  // namespace

void ByteWriter::put(const void* bytes, std::size_t size) {
  const auto* first = static_cast<const char*>(bytes);
  if (size >= block) {
    flush();
    return send(first, size);
  }
  if (size > 0) waiting_.append(first, size);
  if (waiting_.size() >= block) flush();
}

void ByteWriter::flush() {
  send(waiting_.data(), waiting_.size());
  waiting_.clear();
}

void ByteWriter::send(const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(fd_, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw IoError(fmt::format("cannot write to the parent process: {}", std::strerror(errno)));
    sent_ = true;
    bytes += written;
    size -= static_cast<std::size_t>(written);
  }
}

void ByteReader::get(void* bytes, std::size_t size) {
  for (auto* next = static_cast<char*>(bytes); size > 0;) {
    const std::size_t got = read_some(fd_, next, size);
    if (got == 0) throw CutOff();
    next += got;
    size -= got;
  }
}

bool ByteReader::at_end() {
  char one = 0;
  return read_some(fd_, &one, 1) == 0;
}

}  // namespace orrery
