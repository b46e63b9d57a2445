#include "tests/kernels/allocations.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace orrery::test {

namespace {
std::atomic<std::size_t> count{0}, bytes{0};

void note(std::size_t size) {
  ++count;
  bytes += size;
}
}  // namespace

std::size_t allocations() { return count; }
std::size_t allocated_bytes() { return bytes; }

}  // namespace orrery::test

void* operator new(std::size_t size) {
  orrery::test::note(size);
  if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}

// std::stable_sort takes its buffer from this one; both have to come from where delete returns them to.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  orrery::test::note(size);
  return std::malloc(size > 0 ? size : 1);
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
