// Matrix products by cuBLAS: C = A x transposed B of row-major matrices, the layout of a linear layer and the only one of
// 8-bit tensor-core products. Accumulated in single precision (fp64 in double, int8 in 32-bit integers); 16-bit types write
// their own type, fp8 (E4M3) writes bf16, as training does. fp32 is without TF32, which is a type of its own.
#pragma once

#include "scenarios/measure/cuda/device.hpp"

namespace orrery::cuda {

class Products {
 public:
  explicit Products(const Session&);
  Products(const Products&) = delete;
  Products& operator=(const Products&) = delete;
  ~Products();

  std::unique_ptr<GpuKernel> prepare(
      const GpuRequest&) const;  // throws NotMeasured for types and sizes without a kernel
  static std::string version();

 private:
  std::function<void()> plain(const GpuRequest&) const;
  std::function<void()> eight_bit_float(const GpuRequest&) const;

  Session session_;
  void* handle_ = nullptr;     // cublasHandle_t
  void* lt_handle_ = nullptr;  // cublasLtHandle_t
  std::shared_ptr<Buffer> workspace_;
};

}  // namespace orrery::cuda
