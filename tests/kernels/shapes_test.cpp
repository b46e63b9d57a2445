// Counts of FLOPs and compulsory bytes against closed forms.
#include "kernels/shapes.hpp"

#include <catch2/catch.hpp>

namespace orrery {

TEST_CASE("a GEMM counts two FLOPs per multiply-add and every operand byte once") {
  const Kernel k = gemm(128, 256, 512, DataType::fp16, 3);
  CHECK(k.flops == 3 * 2.0 * 128 * 256 * 512);
  CHECK(k.bytes == 3 * 2.0 * (128 * 512 + 256 * 512 + 128 * 256));
  CHECK(k.launches == 1);
  CHECK(k.repeat == 1);
  CHECK(k.host_s == 0);
}

TEST_CASE("an fp8 GEMM reads one byte per operand and writes two per result") {
  const Kernel k = gemm(64, 32, 16, DataType::fp8);
  CHECK(k.bytes == 1.0 * (64 * 16 + 32 * 16) + 2.0 * 64 * 32);
}

TEST_CASE("block-scaled GEMMs move their scales too") {
  CHECK(gemm(64, 64, 64, DataType::mxfp8).bytes > gemm(64, 64, 64, DataType::fp8).bytes);
  CHECK(gemm(64, 64, 64, DataType::nvfp4).bytes > gemm(64, 64, 64, DataType::fp4).bytes);
}

TEST_CASE("attention computes four FLOPs per pair and channel, half of them under a causal mask") {
  const Kernel full = attention(1024, 1024, 128, 2, 16, 16, false, DataType::bf16, 2);
  const Kernel causal = attention(1024, 1024, 128, 2, 16, 16, true, DataType::bf16, 2);
  CHECK(full.flops == 4.0 * 1024 * 1024 * 128 * 2 * 16);
  CHECK(causal.flops == full.flops / 2);
  CHECK(causal.bytes == full.bytes);
}

TEST_CASE("one causal query row attends to all keys") {
  const Kernel causal = attention(1, 4096, 128, 1, 8, 8, true, DataType::bf16, 2);
  const Kernel full = attention(1, 4096, 128, 1, 8, 8, false, DataType::bf16, 2);
  CHECK(causal.flops == Approx(full.flops).epsilon(1e-3));
}

TEST_CASE("backward attention recomputes the scores: 2.5 times the forward FLOPs") {
  const Kernel forward = attention(2048, 2048, 64, 1, 8, 8, true, DataType::fp16, 2);
  const Kernel backward = attention_backward(2048, 2048, 64, 1, 8, 8, true, DataType::fp16, 2);
  CHECK(backward.flops == Approx(2.5 * forward.flops));
  CHECK(backward.kind == KernelKind::attention_backward);
}

TEST_CASE("grouped queries share keys and values: fewer bytes, the same FLOPs") {
  const Kernel multi_head = attention(512, 512, 128, 1, 32, 32, false, DataType::bf16, 2);
  const Kernel grouped = attention(512, 512, 128, 1, 32, 8, false, DataType::bf16, 2);
  CHECK(grouped.flops == multi_head.flops);
  CHECK(grouped.group == 4);
  CHECK(multi_head.bytes - grouped.bytes == 2.0 * 2 * (32 - 8) * 512 * 128);
}

TEST_CASE("normalization, softmax and cross entropy move the stated bytes per element") {
  CHECK(normalization(100, 1024, 4, DataType::bf16).bytes == 100 * 1024 * 4.0);
  CHECK(softmax(100, 1024, 6, DataType::bf16).bytes == 100 * 1024 * 6.0);
  CHECK(cross_entropy(100, 50304, 14, DataType::bf16).bytes == 100 * 50304 * 14.0);
}

TEST_CASE("an embedding reads a row and writes a row per token, and its index") {
  CHECK(embedding(10, 4096, DataType::bf16).bytes == 2 * 10 * 4096 * 2.0 + 10 * 8.0);
}

TEST_CASE("an optimizer step moves its bytes per parameter in the stated number of launches") {
  const Kernel k = optimizer_step(1e9, 30, 7);
  CHECK(k.bytes == 30e9);
  CHECK(k.launches == 7);
}

TEST_CASE("a copy reads and writes, a quantization reads wide and writes narrow") {
  CHECK(memory_copy(1e6).bytes == 2e6);
  CHECK(quantize(1000, DataType::bf16, DataType::fp8).bytes == 3000);
}

TEST_CASE("an elementwise chain keeps the bytes, FLOPs and launches it was given") {
  const Kernel k = elementwise(1000, 6000, 2000, DataType::bf16, 3);
  CHECK(k.bytes == 6000);
  CHECK(k.flops == 2000);
  CHECK(k.launches == 3);
}

TEST_CASE("a convolution is the product it is computed by, without the unfolded input in its bytes") {
  // 3 x 3 over 56 x 56 with 64 channels in and out, 8 images, padding that keeps the size.
  const std::int64_t positions = 8 * 56 * 56;
  const Kernel k = convolution(positions, 64, 9, 64, positions, DataType::fp16);
  CHECK(k.flops == 2.0 * static_cast<double>(positions) * 64 * 9 * 64);
  CHECK(k.bytes == 2.0 * (2 * static_cast<double>(positions) * 64 + 9 * 64 * 64));
  CHECK(k.bytes < gemm(positions, 64, 9 * 64, DataType::fp16).bytes);
}

TEST_CASE("scientific kernels count the textbook FLOPs and bytes") {
  CHECK(stencil(1000, 7, DataType::fp64).flops == 14000);
  CHECK(stencil(1000, 7, DataType::fp64).bytes == 16000);
  CHECK(fft(1024, 10, 1, DataType::fp32).flops == 5 * 1024 * 10 * 10);
  CHECK(fft(1024, 10, 2, DataType::fp32).bytes == fft(1024, 10, 0, DataType::fp32).bytes);  // what must move
  CHECK(fft(1024, 10, 0, DataType::fp32).bytes == 2 * 1024 * 10 * 8);
  CHECK(sparse_matrix_vector(100, 2700, DataType::fp64).flops == 5400);
  // A value and its column each, a row end, the result and, once, the vector.
  CHECK(sparse_matrix_vector(100, 2700, DataType::fp64).bytes == 2700 * 12 + 100 * (4 + 8 + 8));
  CHECK(sparse_matrix_vector(100, 2700, DataType::fp64, 27).bytes == 2700 * 20 + 100 * 12);  // nothing found again
  CHECK(sparse_matrix_vector(100, 10, DataType::fp64).bytes == 10 * 20 + 100 * 12);          // most columns are empty
  CHECK(spiking_step(1000, 5000, DataType::fp32).flops == 13000);
}

TEST_CASE("a reduction reads every input and writes one, routing reads and writes every copy") {
  CHECK(reduction(100, 4, DataType::fp32).bytes == 5 * 400);
  CHECK(reduction(100, 4, DataType::fp32).flops == 300);
  CHECK(routing(128, 1024, 8, DataType::bf16).bytes == 2.0 * 128 * 1024 * 8 * 2);
}

}  // namespace orrery
