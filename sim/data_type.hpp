// Number formats of operands. Block-scaled formats (mxfp8, mxfp4, nvfp4) carry their shared scales in bytes_per_element:
// OCP MX v1.0: one 8-bit scale per 32 elements; NVFP4: one 8-bit scale per 16.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace orrery {

enum class DataType : std::uint8_t { fp64, fp32, tf32, bf16, fp16, fp8, mxfp8, int8, fp6, fp4, mxfp4, nvfp4 };

inline constexpr std::array<std::string_view, 12> data_type_names = {"fp64",  "fp32", "tf32", "bf16", "fp16",  "fp8",
                                                                     "mxfp8", "int8", "fp6",  "fp4",  "mxfp4", "nvfp4"};

constexpr std::string_view name(DataType t) { return data_type_names[static_cast<std::size_t>(t)]; }

constexpr double bytes_per_element(DataType t) {
  constexpr std::array<double, 12> bytes = {
      8, 4, 4, 2, 2, 1, 1 + 1.0 / 32, 1, 0.75, 0.5, 0.5 + 1.0 / 32, 0.5 + 1.0 / 16};
  return bytes[static_cast<std::size_t>(t)];
}

}  // namespace orrery
