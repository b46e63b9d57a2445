// The scenario that the tests of the command line run: a tiny model on one node of eight A100, simulated in milliseconds.
// A test changes what it is about.
#pragma once

#include <string>
#include <utility>

namespace orrery::test {

inline constexpr const char* small_scenario = R"({
  "orrery": "scenario/1",
  "cluster": {"pools": [{"node": "dgx-a100-80gb"}], "fabric": {"kind": "none"}},
  "jobs": [{
    "model": "tiny-gpt", "precision": "fp16", "batch": {"global": 16, "micro": 2},
    "plan": {"data": 2, "tensor": 2, "pipeline": 2}, "software": "megatron-lm-2021"
  }]
})";

// The scenario with one piece of its text replaced.
inline std::string with(const std::string& piece, const std::string& replacement) {
  std::string text = small_scenario;
  return text.replace(text.find(piece), piece.size(), replacement);
}

}  // namespace orrery::test
