// Power, clock and temperature of a board from NVIDIA's management library, which comes with the driver and is looked for
// at run time (no toolkit has to be there). Its functions are declared here, as far as they are used: NVML API reference.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "scenarios/measure/gpu_backend.hpp"

namespace orrery::cuda {

class Nvml {
 public:
  static std::shared_ptr<Nvml> open();  // none: there is no such library, or it does not start
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;
  ~Nvml();

  using Board = void*;
  Board board(const std::string& pci_address) const;  // null: not known
  double power_W(Board) const;                        // each 0 where the board does not say
  double clock_Hz(Board) const;
  double temperature_C(Board) const;
  double power_limit_W(Board) const;
  std::string driver() const;

 private:
  Nvml() = default;
  void* library_ = nullptr;
  int (*shutdown_)() = nullptr;
  int (*by_address_)(const char*, Board*) = nullptr;
  int (*power_)(Board, unsigned*) = nullptr;
  int (*limit_)(Board, unsigned*) = nullptr;
  int (*clock_)(Board, int, unsigned*) = nullptr;
  int (*temperature_)(Board, int, unsigned*) = nullptr;
  int (*driver_)(char*, unsigned) = nullptr;
};

// Reads a board every 20 ms from the moment it is made until `stop`, which answers with means over the second half.
class Sampler {
 public:
  Sampler(std::shared_ptr<Nvml>, const std::string& pci_address);
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;
  ~Sampler() { halt(); }
  DeviceReading stop();

 private:
  void halt();
  std::shared_ptr<Nvml> nvml_;
  Nvml::Board board_ = nullptr;
  std::vector<DeviceReading> readings_;
  std::atomic<bool> done_{false};
  std::thread thread_;
};

}  // namespace orrery::cuda
