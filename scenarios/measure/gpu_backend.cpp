#include "scenarios/measure/gpu_backend.hpp"

#include <filesystem>
#include <vector>

#include <dlfcn.h>
#include <fmt/format.h>

#include "scenarios/cli.hpp"

namespace orrery {

namespace {

constexpr const char* module_name = "orrery_cuda.so";

// Beside the program in a build tree, below lib/ where it is installed.
std::string module_path() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  for (const std::filesystem::path& folder : {program, program.parent_path() / "lib" / "orrery"})
    if (const auto path = folder / module_name; !error && std::filesystem::exists(path, error)) return path.string();
  return "";
}

}  // namespace

std::string missing_for_gpu() {
  return module_path().empty() ? "the CUDA toolkit (nvcc, cuBLAS), and building again" : "";
}

std::unique_ptr<GpuBackend> open_gpu(int index) {
  if (const std::string missing = missing_for_gpu(); !missing.empty())
    throw UsageError("--gpu: measuring a GPU needs " + missing);
  void* module = dlopen(module_path().c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!module) throw UsageError(fmt::format("--gpu: {}", dlerror()));
  using Open = GpuBackend* (*)(int);
  const auto open = reinterpret_cast<Open>(dlsym(module, "orrery_open_gpu"));
  if (!open) throw UsageError(fmt::format("--gpu: {}", dlerror()));
  try {
    return std::unique_ptr<GpuBackend>(open(index));
  } catch (const std::runtime_error& reason) {
    throw UsageError(fmt::format("--gpu {}: {}", index, reason.what()));
  }
}

}  // namespace orrery
