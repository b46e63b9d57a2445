// What a kernel has in memory at once: what is distinct counts in full, what is updated in place once.
#include "kernels/operands.hpp"

#include <catch2/catch.hpp>

#include "kernels/shapes.hpp"

namespace orrery {

TEST_CASE("operands that are distinct are all in memory at once") {
  const std::int64_t keys = 1'000'000, sequences = 32, heads = 64, kv_heads = 8, width = 128;
  const double cache = 2.0 * kv_heads * width * 2 * keys * sequences;  // K and V, 16 bits each
  const Kernel decode = attention(1, keys, width, sequences, heads, kv_heads, false, DataType::bf16, 2);
  CHECK(operand_bytes(decode) >= cache);
  CHECK(operand_bytes(decode) == Approx(cache).epsilon(0.001));
  CHECK(operand_bytes(gemm(100, 200, 300, DataType::fp16)) == 2 * (100 * 300 + 300 * 200 + 100 * 200));
  CHECK(operand_bytes(memory_copy(1e9)) == 2e9);
  CHECK(operand_bytes(quantize(1000, DataType::bf16, DataType::fp8)) == 3000);
}

TEST_CASE("what can be updated in place is in memory once, however often it is moved") {
  CHECK(operand_bytes(softmax(100, 1000, 4, DataType::fp16)) == 2e5);
  CHECK(operand_bytes(normalization(100, 1000, 12, DataType::fp16)) == 2e5);
  CHECK(operand_bytes(elementwise(1000, 5 * 4000, 0, DataType::fp16, 5)) == 2000);
  CHECK(operand_bytes(fft(1024, 1, 3, DataType::fp64)) == 16 * 1024);
  CHECK(operand_bytes(sparse_matrix_vector(100, 2700, DataType::fp64, 27)) == 2700 * 12 + 100 * 20);
  CHECK(operand_bytes(optimizer_step(1000, 28, 4)) == 14000);
  CHECK(operand_bytes(reduction(1000, 8, DataType::bf16)) == Approx(8 * 2000));
}

TEST_CASE("no kernel holds more than it moves, and none holds nothing") {
  for (const Kernel& kernel : {embedding(1000, 512, DataType::bf16), cross_entropy(100, 32000, 8, DataType::bf16),
                               routing(100, 512, 2, DataType::bf16), stencil(1000, 7, DataType::fp64),
                               sparse_matrix_vector(100, 5000, DataType::fp64), spiking_step(1000, 1e5, DataType::fp32),
                               convolution(1000, 64, 9, 64, 1000, DataType::fp16),
                               attention_backward(128, 128, 64, 1, 4, 4, true, DataType::bf16, 2)}) {
    INFO(name(kernel.kind));
    CHECK(operand_bytes(kernel) > 0);
    CHECK(operand_bytes(kernel) <= kernel.bytes);
  }
}

}  // namespace orrery
