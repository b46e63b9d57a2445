#include "kernels/collectives/msccl_program.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <pugixml.hpp>

#include "sim/catalog.hpp"
#include "sim/error.hpp"

namespace orrery::msccl {

namespace {

constexpr std::uint32_t most_ranks = 1024, most_chunks = 1u << 16;

struct StepType {
  std::string_view name;
  bool receives, sends, reduces, stores, local;
};
constexpr StepType step_types[] = {{"s", false, true, false, false, false},    {"r", true, false, false, true, false},
                                   {"cpy", false, false, false, true, true},   {"re", false, false, true, true, true},
                                   {"nop", false, false, false, false, false}, {"rcs", true, true, false, true, false},
                                   {"rrc", true, false, true, true, false},    {"rrs", true, true, true, false, false},
                                   {"rrcs", true, true, true, true, false}};

class Reader {
 public:
  explicit Reader(std::string file) : file_(std::move(file)) {}

  Program read(std::string_view xml) {
    pugi::xml_document document;
    const pugi::xml_parse_result parsed = document.load_buffer(xml.data(), xml.size());
    if (!parsed) {
      const auto at = xml.begin() +
                      static_cast<std::ptrdiff_t>(std::min<std::size_t>(
                          static_cast<std::size_t>(std::max<std::ptrdiff_t>(parsed.offset, 0)), xml.size()));
      throw SpecError(file_, "", "well-formed XML",
                      fmt::format("{} in line {}", parsed.description(), 1 + std::count(xml.begin(), at, '\n')));
    }
    const pugi::xml_node algo = document.child("algo");
    if (!algo) fail("", "an <algo> element", fmt::format("<{}>", document.first_child().name()));
    Program program;
    program.name = algo.attribute("name").as_string("schedule");
    program.protocol = protocol_of(algo.attribute("proto").as_string("Simple"));
    program.kind = kind_of(algo.attribute("coll").as_string());
    program.in_place = algo.attribute("inplace").as_int(1) != 0;
    program.least_bytes = bytes(algo, "minBytes");
    program.most_bytes = bytes(algo, "maxBytes");
    if (program.most_bytes > 0 && program.most_bytes < program.least_bytes)
      fail("algo", fmt::format("maxBytes of at least the minBytes, {}", program.least_bytes),
           std::to_string(program.most_bytes));
    const std::uint32_t ranks = number(algo, "ngpus", "algo", 2, most_ranks);
    program.gpus.resize(ranks);
    std::vector<bool> seen(ranks, false);
    for (const pugi::xml_node gpu : algo.children("gpu")) {
      const std::uint32_t id = number(gpu, "id", "gpu", 0, ranks - 1);
      if (seen[id]) fail(fmt::format("gpu {}", id), "every rank once", "it again");
      seen[id] = true;
      program.gpus[id] = read_gpu(gpu, id, ranks);
    }
    for (std::uint32_t id = 0; id < ranks; ++id)
      if (!seen[id]) fail("algo", fmt::format("a <gpu> for each of {} ranks", ranks), fmt::format("none for {}", id));
    if (program.in_place)  // files may leave out the buffer that is the other
      for (Gpu& gpu : program.gpus)
        if (gpu.inputs == 0 || gpu.outputs == 0) gpu.inputs = gpu.outputs = std::max(gpu.inputs, gpu.outputs);
    return program;
  }

 private:
  [[noreturn]] void fail(const std::string& where, const std::string& expected, const std::string& found) const {
    throw SpecError(file_, "", where.empty() ? expected : where + ": " + expected, found);
  }

  std::uint32_t number(pugi::xml_node node, const char* key, const std::string& where, std::uint32_t low,
                       std::uint32_t high) const {
    const std::string text = node.attribute(key).as_string();
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size() || value < low || value > high)
      fail(where, fmt::format("{} from {} to {}", key, low, high), text.empty() ? "none" : quote(text));
    return value;
  }

  std::uint64_t bytes(pugi::xml_node algo, const char* key) const {
    const std::string text = algo.attribute(key).as_string("0");
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size())
      fail("algo", fmt::format("{} a whole number of bytes", key), quote(text));
    return value;
  }

  int optional_number(pugi::xml_node node, const char* key, const std::string& where) const {
    const std::string text = node.attribute(key).as_string("-1");
    int value = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < -1)
      fail(where, fmt::format("{} a number, or -1 for none", key), quote(text));
    return value;
  }

  std::string protocol_of(std::string text) const {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (text == "simple" || text == "ll" || text == "ll128") return text;
    fail("algo", "proto Simple, LL or LL128", quote(text));
  }

  CollectiveKind kind_of(const std::string& text) const {
    for (const auto& [name, kind] :
         {std::pair("allreduce", CollectiveKind::all_reduce), std::pair("allgather", CollectiveKind::all_gather),
          std::pair("reduce_scatter", CollectiveKind::reduce_scatter),
          std::pair("reducescatter", CollectiveKind::reduce_scatter), std::pair("alltoall", CollectiveKind::all_to_all),
          std::pair("broadcast", CollectiveKind::broadcast), std::pair("reduce", CollectiveKind::reduce)})
      if (text == name) return kind;
    fail("algo", "coll allreduce, allgather, reduce_scatter, alltoall, broadcast or reduce",
         text.empty() ? "none" : quote(text));
  }

  Gpu read_gpu(pugi::xml_node node, std::uint32_t id, std::uint32_t ranks) const {
    const std::string where = fmt::format("gpu {}", id);
    Gpu gpu;
    gpu.inputs = number(node, "i_chunks", where, 0, most_chunks);
    gpu.outputs = number(node, "o_chunks", where, 0, most_chunks);
    gpu.scratch = number(node, "s_chunks", where, 0, most_chunks);
    for (const pugi::xml_node child : node.children("tb")) {
      Block block;
      block.id = number(child, "id", where + ", tb", 0, most_chunks);
      const std::string place = fmt::format("{}, tb {}", where, block.id);
      block.send_to = peer(child, "send", place, id, ranks);
      block.receive_from = peer(child, "recv", place, id, ranks);
      block.channel = optional_number(child, "chan", place);
      std::uint32_t next = 0;
      for (const pugi::xml_node step : child.children("step")) {
        const std::string at = fmt::format("{}, step {}", place, next);
        if (number(step, "s", at, 0, ~0u) != next) fail(at, fmt::format("steps in order: {}", next), "another number");
        block.steps.push_back(read_step(step, at, block));
        ++next;
      }
      gpu.blocks.push_back(std::move(block));
    }
    std::sort(gpu.blocks.begin(), gpu.blocks.end(), [](const Block& a, const Block& b) { return a.id < b.id; });
    for (std::size_t b = 0; b < gpu.blocks.size(); ++b)
      if (gpu.blocks[b].id != b)
        fail(where, "thread blocks numbered 0, 1, ...", fmt::format("tb {} in place {}", gpu.blocks[b].id, b));
    return gpu;
  }

  int peer(pugi::xml_node node, const char* key, const std::string& where, std::uint32_t self,
           std::uint32_t ranks) const {
    const int value = optional_number(node, key, where);
    if (value >= static_cast<int>(ranks) || value == static_cast<int>(self))
      fail(where, fmt::format("{} another rank below {}, or -1", key, ranks), std::to_string(value));
    return value;
  }

  Step read_step(pugi::xml_node node, const std::string& where, const Block& block) const {
    Step step;
    step.type = node.attribute("type").as_string();
    const auto* const type = std::find_if(std::begin(step_types), std::end(step_types),
                                          [&](const StepType& t) { return t.name == step.type; });
    if (type == std::end(step_types))
      fail(where, "type s, r, rcs, rrc, rrs, rrcs, cpy, re or nop", step.type.empty() ? "none" : quote(step.type));
    step.receives = type->receives, step.sends = type->sends, step.reduces = type->reduces;
    step.stores = type->stores, step.local = type->local;
    if (step.sends && block.send_to < 0) fail(where, "a thread block with a peer to send to", "send=\"-1\"");
    if (step.receives && block.receive_from < 0)
      fail(where, "a thread block with a peer to receive from", "recv=\"-1\"");
    step.source = place(node, "srcbuf", "srcoff", where);
    step.target = place(node, "dstbuf", "dstoff", where);
    step.count = node.attribute("cnt") && step.type != "nop" ? number(node, "cnt", where, 1, most_chunks) : 1;
    step.wait_block = optional_number(node, "depid", where);
    step.wait_step = optional_number(node, "deps", where);
    if ((step.wait_block < 0) != (step.wait_step < 0)) fail(where, "depid and deps both or neither", "one of them");
    return step;
  }

  Place place(pugi::xml_node node, const char* buffer, const char* offset, const std::string& where) const {
    const std::string name = node.attribute(buffer).as_string("i");
    if (name != "i" && name != "o" && name != "s") fail(where, fmt::format("{} i, o or s", buffer), quote(name));
    const int at = optional_number(node, offset, where);
    return {name[0], static_cast<std::uint32_t>(std::max(at, 0))};
  }

  std::string file_;
};

}  // namespace

Program read_program(std::string_view xml, const std::string& file) { return Reader(file).read(xml); }

}  // namespace orrery::msccl
