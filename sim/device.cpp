#include "sim/device.hpp"

namespace orrery {

static void fields(Fields& f, PeakRates& p) {
  f("fp64", p.fp64, Need::optional, positive);
  f("fp64_matrix", p.fp64_matrix, Need::optional, positive);
  f("fp32", p.fp32, Need::optional, positive);
  f("fp32_matrix", p.fp32_matrix, Need::optional, positive);
  f("tf32", p.tf32, Need::optional, positive);
  f("bf16", p.bf16, Need::optional, positive);
  f("fp16", p.fp16, Need::optional, positive);
  f("fp8", p.fp8, Need::optional, positive);
  f("int8", p.int8, Need::optional, positive);
  f("fp6", p.fp6, Need::optional, positive);
  f("fp4", p.fp4, Need::optional, positive);
  f("vector", p.vector, Need::optional, positive);
}

void fields(Fields& f, DeviceMemory& m) {
  f("name", m.name);
  f("title", m.title);
  f("kind", m.kind);
  f("capacity", m.capacity, Need::optional, positive);
  f("bandwidth", m.bandwidth, Need::optional, positive);
  f("stacks", m.stacks, Need::optional, at_least_one);
  f("capacity_per_stack", m.capacity_per_stack, Need::optional, positive);
  f("bandwidth_per_stack", m.bandwidth_per_stack, Need::optional, positive);
  f("energy", m.energy, Need::optional, non_negative);
  f("notes", m.notes);
  f.raw("sources", m.sources);
}

static void fields(Fields& f, OnChipMemory& m) {
  f("register_file_per_core", m.register_file_per_core, Need::optional, positive);
  f("l1_per_core", m.l1_per_core, Need::optional, positive);
  f("l2", m.l2, Need::optional, positive);
  f("l3", m.l3, Need::optional, positive);
  f("total", m.total, Need::optional, positive);
  f("l1_bandwidth", m.l1_bandwidth, Need::optional, positive);
  f("l2_bandwidth", m.l2_bandwidth, Need::optional, positive);
}

static void fields(Fields& f, DeviceScaleUp& s) {
  f("link", s.link);
  f("links", s.links, Need::optional, at_least_one);
  f("bandwidth_per_direction", s.bandwidth_per_direction, Need::optional, positive);
  f("pair_bandwidth_per_direction", s.pair_bandwidth_per_direction, Need::optional, positive);
  f("domain", s.domain, Need::optional, at_least_one);
}

static void fields(Fields& f, DeviceHostLink& h) {
  f("link", h.link);
  f("bandwidth_per_direction", h.bandwidth_per_direction, Need::optional, positive);
}

static void fields(Fields& f, DevicePower& p) {
  f("tdp", p.tdp, Need::optional, positive);
  f("idle", p.idle, Need::optional, non_negative);
  f("limit", p.limit, Need::optional, positive);
  f.check(!p.tdp || !p.idle || *p.idle < *p.tdp, "idle", "less than the tdp", "no less");
  f.check(!p.limit || p.tdp, "tdp", "the board's own limit beside the one it is held to", "none");
  f.check(!p.limit || !p.tdp || *p.limit <= *p.tdp, "limit", "at most the tdp", "more");
  f.check(!p.limit || !p.tdp || *p.limit >= 0.2 * *p.tdp, "limit", "a fifth of the tdp at least, as boards allow",
          "less");
  f.check(!p.limit || !p.idle || *p.idle < *p.limit, "limit", "more than the idle power", "no more");
}

static void fields(Fields& f, DeviceThermal& t) {
  f("max_operating", t.max_operating);
  f("slowdown", t.slowdown);
  f("shutdown", t.shutdown);
}

static void fields(Fields& f, DevicePrice& p) {
  f("rental_low", p.rental_low, Need::optional, non_negative);
  f("rental_high", p.rental_high, Need::optional, non_negative);
  f("purchase", p.purchase, Need::optional, non_negative);
  f("as_of", p.as_of);
  f.check(!p.rental_low || !p.rental_high || *p.rental_low <= *p.rental_high, "rental_low", "at most rental_high",
          "more");
}

void fields(Fields& f, DeviceModel& d) {
  f.required("name", d.name);
  f("title", d.title);
  f("vendor", d.vendor);
  f("year", d.year);
  f.required("family", d.family);
  f("generation", d.generation);
  f("notes", d.notes);
  f("cores", d.cores, Need::optional, at_least_one);
  f("core_kind", d.core_kind);
  f("clock", d.clock, Need::optional, positive);
  f("boost_clock", d.boost_clock, Need::optional, positive);
  f("matrix_units", d.matrix_units, Need::optional, at_least_one);
  f("systolic_rows", d.systolic_rows, Need::optional, at_least_one);
  f("systolic_columns", d.systolic_columns, Need::optional, at_least_one);
  f("peak", d.peak);
  f.part("memory", "hardware/memories", d.memory, Need::optional);
  const DeviceMemory& m = d.memory;
  f.check(m.stacks || ((m.capacity || !m.capacity_per_stack) && (m.bandwidth || !m.bandwidth_per_stack)), "memory",
          "the number of `stacks`, as sizes are per stack", "none");
  f("on_chip", d.on_chip);
  f("scale_up", d.scale_up);
  f("host_link", d.host_link);
  f("power", d.power);
  f("thermal", d.thermal);
  f("price", d.price);
  f.raw("sources", d.sources);
}

// The formats of OCP MX came to silicon together: units that multiply 4- or 6-bit floats apply the scales of blocks, and no
// shipped unit without those does (Hopper, Ada and CDNA 3 have fp8 with one scale per tensor; software scales blocks there).
static bool has_block_scales(const PeakRates& peak) { return peak.fp4 || peak.fp6; }

std::optional<FlopsPerSecond> matrix_peak(const DeviceModel& device, DataType type) {
  const PeakRates& p = device.peak;
  switch (type) {
    case DataType::fp64:
      return p.fp64_matrix ? p.fp64_matrix : p.fp64;
    case DataType::fp32:
      return p.fp32_matrix ? p.fp32_matrix : p.fp32;
    case DataType::tf32:
      return p.tf32;
    case DataType::bf16:
      return p.bf16;
    case DataType::fp16:
      return p.fp16;
    case DataType::fp8:
      return p.fp8;
    case DataType::mxfp8:
      return has_block_scales(p) ? p.fp8 : std::nullopt;
    case DataType::int8:
      return p.int8;
    case DataType::fp6:
      return p.fp6;
    case DataType::fp4:
    case DataType::mxfp4:
      return p.fp4;
    case DataType::nvfp4:
      return device.vendor == "NVIDIA" ? p.fp4 : std::nullopt;
  }
  return std::nullopt;
}

std::optional<Bytes> memory_capacity(const DeviceModel& device) {
  const DeviceMemory& m = device.memory;
  if (m.capacity || !m.stacks || !m.capacity_per_stack) return m.capacity;
  return *m.stacks * *m.capacity_per_stack;
}

std::optional<BytesPerSecond> memory_bandwidth(const DeviceModel& device) {
  const DeviceMemory& m = device.memory;
  if (m.bandwidth || !m.stacks || !m.bandwidth_per_stack) return m.bandwidth;
  return *m.stacks * *m.bandwidth_per_stack;
}

std::optional<FlopsPerSecond> vector_peak(const DeviceModel& device) {
  return device.peak.vector ? device.peak.vector : device.peak.fp32;
}

}  // namespace orrery
