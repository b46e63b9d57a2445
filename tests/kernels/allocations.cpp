#include "tests/kernels/allocations.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace orrery::test {

namespace {
std::atomic<std::size_t> count{0};
}

std::size_t allocations() { return count; }

}  // namespace orrery::test

void* operator new(std::size_t size) {
  ++orrery::test::count;
  if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
