#include "scenarios/measure/machine_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <dlfcn.h>
#include <fmt/format.h>

#include "kernels/shapes.hpp"

namespace orrery {

namespace {

// The C interface of BLAS, as far as it is used (row-major 101, no transpose 111).
struct Blas {
  using Single = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*,
                          int);
  using Double = void (*)(int, int, int, int, int, int, double, const double*, int, const double*, int, double, double*,
                          int);
  Single single = nullptr;
  Double twice = nullptr;
};

// Loaded only when asked for: no other command shall start the library's threads.
const Blas& blas() {
  static const Blas found = [] {
    Blas result;
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    void* library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library) return result;
    result.single = reinterpret_cast<Blas::Single>(dlsym(library, "cblas_sgemm"));
    result.twice = reinterpret_cast<Blas::Double>(dlsym(library, "cblas_dgemm"));
    return result;
  }();
  return found;
}

template <class T> std::vector<T> filled(std::size_t count) {
  std::vector<T> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<T>(static_cast<double>(i % 1013) / 1013 - 0.5);
  return values;
}

template <class T> struct Product {
  int m, n, k;
  std::vector<T> a, b, c;
  Product(int rows, int columns, int depth)
      : m(rows), n(columns), k(depth), a(filled<T>(size(m, k))), b(filled<T>(size(k, n))), c(filled<T>(size(m, n))) {}
  static std::size_t size(int x, int y) { return static_cast<std::size_t>(x) * static_cast<std::size_t>(y); }
  void operator()() {
    if constexpr (sizeof(T) == sizeof(float))
      blas().single(101, 111, 111, m, n, k, 1, a.data(), k, b.data(), n, 0, c.data(), n);
    else
      blas().twice(101, 111, 111, m, n, k, 1, a.data(), k, b.data(), n, 0, c.data(), n);
  }
};

template <class State> ReadyKernel shared(std::shared_ptr<State> state) {
  return {[state] { (*state)(); }, {}, {}};
}

MachineKernel product(int m, int n, int k, DataType type, bool fit) {
  MachineKernel entry{"gemm", gemm(m, n, k, type), {{"m", m}, {"n", n}, {"k", k}}, fit, {}, true};
  entry.prepare = [=] {
    return type == DataType::fp32 ? shared(std::make_shared<Product<float>>(m, n, k))
                                  : shared(std::make_shared<Product<double>>(m, n, k));
  };
  return entry;
}

MachineKernel copy(std::int64_t bytes, bool fit) {
  struct Copy {
    std::vector<char> from, to;
    explicit Copy(std::size_t n) : from(n, 'a'), to(n, 'b') {}
    void operator()() { std::memcpy(to.data(), from.data(), from.size()); }
  };
  return {"copy", memory_copy(static_cast<double>(bytes)), {{"bytes", bytes}}, fit, [=] {
            return shared(std::make_shared<Copy>(static_cast<std::size_t>(bytes)));
          }};
}

MachineKernel triad(std::int64_t elements, bool fit) {
  struct Triad {
    std::vector<double> a, b, c;
    explicit Triad(std::size_t n) : a(filled<double>(n)), b(filled<double>(n)), c(filled<double>(n)) {}
    void operator()() {
      double* to = a.data();
      const double *x = b.data(), *y = c.data();
      const std::size_t n = a.size();
      for (std::size_t i = 0; i < n; ++i) to[i] = x[i] + 3.0 * y[i];
    }
  };
  const double n = static_cast<double>(elements);
  return {"stream_triad", elementwise(elements, 24 * n, 2 * n, DataType::fp64), {{"elements", elements}}, fit, [=] {
            return shared(std::make_shared<Triad>(static_cast<std::size_t>(elements)));
          }};
}

MachineKernel stencil_sweep(std::int64_t side, bool fit) {
  struct Sweep {
    std::size_t n;
    std::vector<double> from, to;
    explicit Sweep(std::size_t s) : n(s), from(filled<double>(s * s * s)), to(filled<double>(s * s * s)) {}
    void operator()() {
      for (std::size_t z = 1; z + 1 < n; ++z)
        for (std::size_t y = 1; y + 1 < n; ++y) {
          const double* at = from.data() + (z * n + y) * n;
          double* out = to.data() + (z * n + y) * n;
          for (std::size_t x = 1; x + 1 < n; ++x)
            out[x] = 0.4 * at[x] +
                     0.1 * (at[x - 1] + at[x + 1] + *(at + x - n) + at[x + n] + *(at + x - n * n) + at[x + n * n]);
        }
      std::swap(from, to);
    }
  };
  return {"stencil",
          stencil(side * side * side, 7, DataType::fp64),
          {{"cells", side * side * side}, {"points", 7}},
          fit,
          [=] { return shared(std::make_shared<Sweep>(static_cast<std::size_t>(side))); }};
}

// A band of neighbours and a few far columns, as matrices of meshes have.
MachineKernel sparse_product(std::int64_t rows, std::int64_t per_row, bool fit) {
  struct Sparse {
    std::size_t rows, per_row;
    std::vector<double> values, x, y;
    std::vector<std::int32_t> columns;
    Sparse(std::size_t r, std::size_t p)
        : rows(r), per_row(p), values(filled<double>(r * p)), x(filled<double>(r)), y(r), columns(r * p) {
      for (std::size_t i = 0; i < r; ++i)
        for (std::size_t j = 0; j < p; ++j)
          columns[i * p + j] = static_cast<std::int32_t>((i + (j % 4 == 3 ? j * 1009 : j)) % r);
    }
    void operator()() {
      for (std::size_t i = 0; i < rows; ++i) {
        double sum = 0;
        for (std::size_t j = i * per_row; j < (i + 1) * per_row; ++j)
          sum += values[j] * x[static_cast<std::size_t>(columns[j])];
        y[i] = sum;
      }
    }
  };
  return {"sparse_matrix_vector",
          sparse_matrix_vector(rows, rows * per_row, DataType::fp64),
          {{"rows", rows}, {"non_zeros", rows * per_row}},
          fit,
          [=] {
            return shared(std::make_shared<Sparse>(static_cast<std::size_t>(rows), static_cast<std::size_t>(per_row)));
          }};
}

MachineKernel row_softmax(std::int64_t rows, std::int64_t columns, bool fit) {
  struct Softmax {
    std::size_t rows, columns;
    std::vector<float> from, to;
    Softmax(std::size_t r, std::size_t c) : rows(r), columns(c), from(filled<float>(r * c)), to(r * c) {}
    void operator()() {
      for (std::size_t r = 0; r < rows; ++r) {
        const float* in = from.data() + r * columns;
        float* out = to.data() + r * columns;
        const float largest = *std::max_element(in, in + columns);
        float sum = 0;
        for (std::size_t c = 0; c < columns; ++c) sum += out[c] = std::exp(in[c] - largest);
        for (std::size_t c = 0; c < columns; ++c) out[c] /= sum;
      }
    }
  };
  return {"softmax", softmax(rows, columns, 8, DataType::fp32), {{"m", rows}, {"n", columns}}, fit, [=] {
            return shared(std::make_shared<Softmax>(static_cast<std::size_t>(rows), static_cast<std::size_t>(columns)));
          }};
}

}  // namespace

std::string missing_for_kernels() {
  return blas().single && blas().twice ? "" : "OpenBLAS (Debian: libopenblas0-pthread)";
}

std::vector<MachineKernel> machine_kernels(bool small) {
  std::vector<MachineKernel> all;
  struct Shape {
    int m, n, k;
    bool fit;
  };
  constexpr Shape shapes[] = {{64, 64, 64, true},      {128, 128, 128, true},  {256, 256, 256, true},
                              {512, 512, 512, true},   {896, 896, 896, true},  {32, 1024, 512, true},
                              {1024, 32, 512, true},   {512, 512, 32, true},   {96, 96, 96, false},
                              {384, 384, 384, false},  {640, 640, 640, false}, {48, 1536, 384, false},
                              {1200, 200, 300, false}, {768, 768, 48, false}};
  const std::size_t count = small ? 3 : std::size(shapes);
  for (const DataType type : {DataType::fp64, DataType::fp32})
    for (std::size_t i = 0; i < count; ++i)
      all.push_back(product(shapes[i].m, shapes[i].n, shapes[i].k, type, shapes[i].fit && !(small && i == 1)));
  if (small) {
    for (const bool fit : {true, false}) {
      all.push_back(copy(fit ? 1 << 20 : 2 << 20, fit));
      all.push_back(row_softmax(fit ? 64 : 128, 512, fit));
    }
    return all;
  }
  constexpr std::int64_t MiB = 1 << 20;
  for (const auto& [size, fit] : {std::pair{std::int64_t{64}, true}, {128, true}, {192, false}}) {
    all.push_back(copy(size * MiB, fit));
    all.push_back(triad(size * MiB / 16, fit));
    all.push_back(sparse_product(size * MiB / 256, 16, fit));
    all.push_back(row_softmax(size * 32, 2048, fit));
  }
  for (const auto& [side, fit] : {std::pair{std::int64_t{192}, true}, {256, true}, {224, false}})
    all.push_back(stencil_sweep(side, fit));
  return all;
}

}  // namespace orrery
