#include "scenarios/measure/cuda/products.hpp"

#include <cublasLt.h>
#include <cublas_v2.h>
#include <fmt/format.h>

namespace orrery::cuda {

namespace {

constexpr std::size_t workspace_bytes = 64u << 20;  // 32 MiB are advised for Hopper, less before

void need(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS) throw NotMeasured(fmt::format("{}: {}", what, cublasGetStatusString(status)));
}

struct Format {
  cudaDataType_t operand, result;
  cublasComputeType_t compute;
  double result_bytes;
};

Format format_of(DataType type) {
  switch (type) {
    case DataType::fp64:
      return {CUDA_R_64F, CUDA_R_64F, CUBLAS_COMPUTE_64F, 8};
    case DataType::fp32:
      return {CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F, 4};
    case DataType::tf32:
      return {CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32, 4};
    case DataType::bf16:
      return {CUDA_R_16BF, CUDA_R_16BF, CUBLAS_COMPUTE_32F, 2};
    case DataType::fp16:
      return {CUDA_R_16F, CUDA_R_16F, CUBLAS_COMPUTE_32F, 2};
    case DataType::int8:
      return {CUDA_R_8I, CUDA_R_32I, CUBLAS_COMPUTE_32I, 4};
    case DataType::fp8:
      return {CUDA_R_8F_E4M3, CUDA_R_16BF, CUBLAS_COMPUTE_32F, 2};
    default:
      throw NotMeasured("no cuBLAS product of " + std::string(name(type)) + " is asked for here");
  }
}

// One in the type that a product is scaled in.
union Scale {
  double twice;
  float single;
  std::int32_t whole;
};
Scale scale(cublasComputeType_t compute, int value) {
  Scale s{};
  if (compute == CUBLAS_COMPUTE_64F)
    s.twice = value;
  else if (compute == CUBLAS_COMPUTE_32I)
    s.whole = value;
  else
    s.single = static_cast<float>(value);
  return s;
}

struct Operands {
  Buffer a, b, c;
  Operands(const GpuRequest& r, const Format& format, cudaStream_t stream)
      : a(operands(r.batch * r.m * r.k, r.type, 1, stream)),
        b(operands(r.batch * r.n * r.k, r.type, 2, stream)),
        c(static_cast<double>(r.batch * r.m * r.n) * format.result_bytes) {}
};

// What cublasLt needs of one product; column-major, so the result is transposed C: n x m.
struct LtProduct {
  Operands operands;
  cublasLtMatmulDesc_t operation = nullptr;
  cublasLtMatrixLayout_t a = nullptr, b = nullptr, c = nullptr;
  cublasLtMatmulHeuristicResult_t algorithm{};

  LtProduct(const GpuRequest& r, const Format& format, cudaStream_t stream) : operands(r, format, stream) {}
  LtProduct(const LtProduct&) = delete;
  LtProduct& operator=(const LtProduct&) = delete;
  ~LtProduct() {
    if (operation) cublasLtMatmulDescDestroy(operation);
    for (cublasLtMatrixLayout_t layout : {a, b, c})
      if (layout) cublasLtMatrixLayoutDestroy(layout);
  }
};

void choose_algorithm(cublasLtHandle_t handle, LtProduct& product) {
  cublasLtMatmulPreference_t preference = nullptr;
  need(cublasLtMatmulPreferenceCreate(&preference), "cublasLt preference");
  cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace_bytes,
                                       sizeof workspace_bytes);
  int found = 0;
  const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
      handle, product.operation, product.b, product.a, product.c, product.c, preference, 1, &product.algorithm, &found);
  cublasLtMatmulPreferenceDestroy(preference);
  need(status, "no cublasLt kernel");
  if (found == 0) throw NotMeasured("no cublasLt kernel for this type and size");
}

cublasHandle_t handle_of(void* handle) { return static_cast<cublasHandle_t>(handle); }
cublasLtHandle_t lt_of(void* handle) { return static_cast<cublasLtHandle_t>(handle); }

}  // namespace

Products::Products(const Session& session)
    : session_(session), workspace_(std::make_shared<Buffer>(static_cast<double>(workspace_bytes))) {
  cublasHandle_t handle = nullptr;
  cublasLtHandle_t lt = nullptr;
  need(cublasCreate(&handle), "starting cuBLAS");
  handle_ = handle;
  need(cublasLtCreate(&lt), "starting cublasLt");
  lt_handle_ = lt;
  need(cublasSetStream(handle, session.stream), "setting the stream of cuBLAS");
  need(cublasSetWorkspace(handle, workspace_->at(), workspace_bytes), "giving cuBLAS its workspace");
}

Products::~Products() {
  if (lt_handle_) cublasLtDestroy(lt_of(lt_handle_));
  if (handle_) cublasDestroy(handle_of(handle_));
}

std::string Products::version() {
  const std::size_t v = cublasLtGetVersion();  // major x 10000 + minor x 100 + patch
  return fmt::format("cuBLAS {}.{}.{}", v / 10000, v / 100 % 100, v % 100);
}

std::unique_ptr<GpuKernel> Products::prepare(const GpuRequest& r) const {
  std::function<void()> launch = r.type == DataType::fp8 ? eight_bit_float(r) : plain(r);
  launch();  // a type or size that the library lacks shows here, not while timing
  check(cudaStreamSynchronize(session_.stream), "running a product");
  return timed(session_, std::move(launch));
}

std::function<void()> Products::plain(const GpuRequest& r) const {
  const Format format = format_of(r.type);
  const auto data = std::make_shared<Operands>(r, format, session_.stream);
  const Scale one = scale(format.compute, 1), zero = scale(format.compute, 0);
  const auto handle = handle_of(handle_);
  const int m = static_cast<int>(r.m), n = static_cast<int>(r.n), k = static_cast<int>(r.k);
  return [=] {
    need(cublasGemmStridedBatchedEx(handle, CUBLAS_OP_T, CUBLAS_OP_N, n, m, k, &one, data->b.at(), format.operand, k,
                                    r.n * r.k, data->a.at(), format.operand, k, r.m * r.k, &zero, data->c.at(),
                                    format.result, n, r.m * r.n, static_cast<int>(r.batch), format.compute,
                                    CUBLAS_GEMM_DEFAULT),
         "cuBLAS");
  };
}

std::function<void()> Products::eight_bit_float(const GpuRequest& r) const {
  if (r.batch != 1) throw NotMeasured("batched products of fp8 are not asked for here");
  const Format format = format_of(r.type);
  const auto product = std::make_shared<LtProduct>(r, format, session_.stream);
  need(cublasLtMatmulDescCreate(&product->operation, format.compute, CUDA_R_32F), "cublasLt operation");
  const cublasOperation_t transposed = CUBLAS_OP_T;
  need(cublasLtMatmulDescSetAttribute(product->operation, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof transposed),
       "cublasLt operation");
  const auto m = static_cast<std::uint64_t>(r.m), n = static_cast<std::uint64_t>(r.n),
             k = static_cast<std::uint64_t>(r.k);
  need(cublasLtMatrixLayoutCreate(&product->b, format.operand, k, n, r.k), "cublasLt layout");
  need(cublasLtMatrixLayoutCreate(&product->a, format.operand, k, m, r.k), "cublasLt layout");
  need(cublasLtMatrixLayoutCreate(&product->c, format.result, n, m, r.n), "cublasLt layout");
  choose_algorithm(lt_of(lt_handle_), *product);
  return [product, handle = lt_of(lt_handle_), workspace = workspace_, stream = session_.stream] {
    const float one = 1, zero = 0;
    need(
        cublasLtMatmul(handle, product->operation, &one, product->operands.b.at(), product->b, product->operands.a.at(),
                       product->a, &zero, product->operands.c.at(), product->c, product->operands.c.at(), product->c,
                       &product->algorithm.algo, workspace->at(), workspace_bytes, stream),
        "cublasLt");
  };
}

}  // namespace orrery::cuda
