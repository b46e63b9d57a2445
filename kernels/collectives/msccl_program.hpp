// The program that an MSCCL file spells out, as it stands there: numbers in range, peers that exist, steps in order. What its
// steps mean together is found by running them (msccl.cpp). Format: MSCCLang (Cowan et al., ASPLOS 2023).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/program.hpp"

namespace orrery::msccl {

struct Place {
  char buffer = 'i';  // i input, o output, s scratch
  std::uint32_t at = 0;
};

struct Step {
  bool receives = false, sends = false, reduces = false, stores = false, local = false;
  Place source, target;
  std::uint32_t count = 1;
  int wait_block = -1, wait_step = -1;
  std::string type;
};

struct Block {
  std::uint32_t id = 0;
  int send_to = -1, receive_from = -1, channel = 0;
  std::vector<Step> steps;
};

struct Gpu {
  std::uint32_t inputs = 0, outputs = 0, scratch = 0;  // chunks
  std::vector<Block> blocks;
};

struct Program {
  std::string name, protocol;
  CollectiveKind kind = CollectiveKind::all_reduce;
  bool in_place = true;
  std::uint64_t least_bytes = 0, most_bytes = 0;  // minBytes, maxBytes; the latter 0: any
  std::vector<Gpu> gpus;
};

// SpecError with `file` for XML that is no such program.
Program read_program(std::string_view xml, const std::string& file);

}  // namespace orrery::msccl
