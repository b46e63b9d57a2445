#include "scenarios/measure/cuda/nvml.hpp"

#include <array>
#include <chrono>

#include <dlfcn.h>

namespace orrery::cuda {

namespace {

constexpr int success = 0, sm_clock = 1, gpu_sensor = 0;  // nvmlReturn_t, nvmlClockType_t, nvmlTemperatureSensors_t

template <class F> bool find(void* library, const char* name, F& function) {
  function = reinterpret_cast<F>(dlsym(library, name));
  return function != nullptr;
}

}  // namespace

std::shared_ptr<Nvml> Nvml::open() {
  void* library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) return nullptr;
  std::shared_ptr<Nvml> nvml(new Nvml);
  nvml->library_ = library;
  int (*start)() = nullptr;
  const bool complete = find(library, "nvmlInit_v2", start) &&
                        find(library, "nvmlDeviceGetHandleByPciBusId_v2", nvml->by_address_) &&
                        find(library, "nvmlDeviceGetPowerUsage", nvml->power_) &&
                        find(library, "nvmlDeviceGetEnforcedPowerLimit", nvml->limit_) &&
                        find(library, "nvmlDeviceGetClockInfo", nvml->clock_) &&
                        find(library, "nvmlDeviceGetTemperature", nvml->temperature_) &&
                        find(library, "nvmlSystemGetDriverVersion", nvml->driver_);
  if (!complete || start() != success) return nullptr;
  find(library, "nvmlShutdown", nvml->shutdown_);  // only what was started is shut down
  return nvml;
}

Nvml::~Nvml() {
  if (shutdown_) shutdown_();
  dlclose(library_);
}

Nvml::Board Nvml::board(const std::string& pci_address) const {
  Board board = nullptr;
  return by_address_(pci_address.c_str(), &board) == success ? board : nullptr;
}

double Nvml::power_W(Board board) const {
  unsigned milliwatts = 0;
  return board && power_(board, &milliwatts) == success ? milliwatts * 1e-3 : 0;
}

double Nvml::clock_Hz(Board board) const {
  unsigned megahertz = 0;
  return board && clock_(board, sm_clock, &megahertz) == success ? megahertz * 1e6 : 0;
}

double Nvml::temperature_C(Board board) const {
  unsigned celsius = 0;
  return board && temperature_(board, gpu_sensor, &celsius) == success ? celsius : 0;
}

double Nvml::power_limit_W(Board board) const {
  unsigned milliwatts = 0;
  return board && limit_(board, &milliwatts) == success ? milliwatts * 1e-3 : 0;
}

std::string Nvml::driver() const {
  std::array<char, 96> version{};
  return driver_(version.data(), static_cast<unsigned>(version.size())) == success ? version.data() : "";
}

Sampler::Sampler(std::shared_ptr<Nvml> nvml, const std::string& pci_address) : nvml_(std::move(nvml)) {
  if (nvml_) board_ = nvml_->board(pci_address);
  if (!board_) return;
  thread_ = std::thread([this] {
    while (!done_) {
      readings_.push_back({nvml_->power_W(board_), nvml_->clock_Hz(board_), nvml_->temperature_C(board_), 1});
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
}

void Sampler::halt() {
  done_ = true;
  if (thread_.joinable()) thread_.join();
}

DeviceReading Sampler::stop() {
  halt();
  DeviceReading mean;
  for (std::size_t i = readings_.size() / 2; i < readings_.size(); ++i) {
    mean.power_W += readings_[i].power_W;
    mean.clock_Hz += readings_[i].clock_Hz;
    mean.temperature_C += readings_[i].temperature_C;
    ++mean.samples;
  }
  if (mean.samples == 0) return mean;
  mean.power_W /= mean.samples;
  mean.clock_Hz /= mean.samples;
  mean.temperature_C /= mean.samples;
  return mean;
}

}  // namespace orrery::cuda
