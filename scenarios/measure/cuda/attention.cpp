#include "scenarios/measure/cuda/attention.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#ifdef ORRERY_HAS_CUDNN
#include <cudnn.h>
#endif
#include <dlfcn.h>
#include <fmt/format.h>

namespace orrery::cuda {

#if defined(ORRERY_HAS_CUDNN) && CUDNN_VERSION >= 91300

namespace {

// The functions in use, from the library found at run time: cuDNN is large, and nothing else here needs it.
struct Cudnn {
  decltype(&cudnnCreate) create = nullptr;
  decltype(&cudnnSetStream) set_stream = nullptr;
  decltype(&cudnnGetVersion) version = nullptr;
  decltype(&cudnnGetErrorString) error = nullptr;
  decltype(&cudnnBackendCreateDescriptor) make = nullptr;
  decltype(&cudnnBackendDestroyDescriptor) destroy = nullptr;
  decltype(&cudnnBackendSetAttribute) set = nullptr;
  decltype(&cudnnBackendGetAttribute) get = nullptr;
  decltype(&cudnnBackendFinalize) finalize = nullptr;
  decltype(&cudnnBackendExecute) execute = nullptr;
  bool complete = false;
};

const Cudnn& cudnn() {
  static const Cudnn found = [] {
    Cudnn c;
    void* library = dlopen("libcudnn.so.9", RTLD_NOW | RTLD_LOCAL);
    if (!library) return c;
    const auto find = [&](const char* name, auto& function) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
      return function != nullptr;
    };
    c.complete = find("cudnnCreate", c.create) && find("cudnnSetStream", c.set_stream) &&
                 find("cudnnGetVersion", c.version) && find("cudnnGetErrorString", c.error) &&
                 find("cudnnBackendCreateDescriptor", c.make) && find("cudnnBackendDestroyDescriptor", c.destroy) &&
                 find("cudnnBackendSetAttribute", c.set) && find("cudnnBackendGetAttribute", c.get) &&
                 find("cudnnBackendFinalize", c.finalize) && find("cudnnBackendExecute", c.execute);
    return c;
  }();
  return found;
}

void need(cudnnStatus_t status, const char* what) {
  if (status != CUDNN_STATUS_SUCCESS) throw NotMeasured(fmt::format("cuDNN, {}: {}", what, cudnn().error(status)));
}

class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type) { need(cudnn().make(type, &at_), "descriptor"); }
  Descriptor(Descriptor&& other) noexcept : at_(std::exchange(other.at_, nullptr)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (at_) cudnn().destroy(at_);
  }
  cudnnBackendDescriptor_t at() const { return at_; }

  template <class T>
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const T& value) {
    need(cudnn().set(at_, name, type, 1, &value), "attribute");
    return *this;
  }
  template <class T>
  Descriptor& set_all(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const T& values) {
    need(cudnn().set(at_, name, type, static_cast<std::int64_t>(values.size()), values.data()), "attribute");
    return *this;
  }
  Descriptor& link(cudnnBackendAttributeName_t name, const Descriptor& other) {
    return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, other.at_);
  }
  Descriptor& finalize(const char* what) {
    need(cudnn().finalize(at_), what);
    return *this;
  }

 private:
  cudnnBackendDescriptor_t at_ = nullptr;
};

constexpr std::array<std::int64_t, 5> ids = {1, 2, 3, 4, 5};  // queries, keys, values, output, scale

Descriptor tensor(std::int64_t id, const std::array<std::int64_t, 4>& sizes, cudnnDataType_t type, bool by_value) {
  const std::array<std::int64_t, 4> strides = {sizes[1] * sizes[2] * sizes[3], sizes[2] * sizes[3], sizes[3], 1};
  const std::int64_t alignment = by_value ? 4 : 16;
  Descriptor t(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  t.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, id);
  t.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, type);
  t.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, alignment);
  t.set_all(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, sizes);
  t.set_all(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, strides);
  if (by_value) t.set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, CUDNN_TYPE_BOOLEAN, true);
  t.finalize("tensor");
  return t;
}

// One operation, its execution plan and its operands.
struct Attention {
  std::vector<Descriptor> parts;  // what the plan refers to
  std::vector<Buffer> buffers;    // queries, keys, values, output, workspace
  float scale = 1;
  std::optional<Descriptor> plan, pack;
};

// The first engine that cuDNN's heuristic names and that takes the graph.
Descriptor plan_of(cudnnHandle_t handle, const Descriptor& graph, std::vector<Descriptor>& keep) {
  Descriptor heuristic(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristic.link(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, CUDNN_HEUR_MODE_A);
  heuristic.finalize("no engine for this attention");
  constexpr int most = 8;
  std::vector<Descriptor> engines;
  std::vector<cudnnBackendDescriptor_t> raw;
  for (int i = 0; i < most; ++i) raw.push_back(engines.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR).at());
  std::int64_t found = 0;
  need(cudnn().get(heuristic.at(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, most, &found,
                   raw.data()),
       "engines");
  for (std::size_t i = 0; i < static_cast<std::size_t>(std::min<std::int64_t>(found, most)); ++i) {
    try {
      Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
      plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, handle);
      plan.link(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, engines[i]);
      plan.finalize("plan");
      keep.push_back(std::move(engines[i]));
      return plan;
    } catch (const NotMeasured&) {  // the next engine may do it
    }
  }
  throw NotMeasured("cuDNN has no fused attention for this device, type and size");
}

Descriptor graph_of(cudnnHandle_t handle, const GpuRequest& r, std::vector<Descriptor>& keep) {
  const std::array<std::int64_t, 4> sizes = {r.batch, r.heads, r.m, r.k};
  const cudnnDataType_t type = r.type == DataType::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_HALF;
  Descriptor operation(CUDNN_BACKEND_OPERATION_SDPA_FWD_DESCRIPTOR);
  constexpr std::array names = {CUDNN_ATTR_OPERATION_SDPA_FWD_QDESC, CUDNN_ATTR_OPERATION_SDPA_FWD_KDESC,
                                CUDNN_ATTR_OPERATION_SDPA_FWD_VDESC, CUDNN_ATTR_OPERATION_SDPA_FWD_ODESC};
  for (std::size_t i = 0; i < names.size(); ++i)
    operation.link(names[i], keep.emplace_back(tensor(ids[i], sizes, type, false)));
  operation.link(CUDNN_ATTR_OPERATION_SDPA_FWD_SCALEDESC,
                 keep.emplace_back(tensor(ids[4], {1, 1, 1, 1}, CUDNN_DATA_FLOAT, true)));
  operation.finalize("attention");
  Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, handle);
  graph.link(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation);
  graph.finalize("graph");
  keep.push_back(std::move(operation));
  return graph;
}

Descriptor pack_of(const Attention& a) {
  std::array<const void*, 5> pointers = {a.buffers[0].at(), a.buffers[1].at(), a.buffers[2].at(), a.buffers[3].at(),
                                         &a.scale};
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set_all(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, ids);
  pack.set_all(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, pointers);
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, a.buffers[4].at());
  pack.finalize("operands");
  return pack;
}

// One per process: the handle and the library's kernels outlive every measurement.
cudnnHandle_t handle_on(cudaStream_t stream) {
  static cudnnHandle_t handle = nullptr;
  if (!handle) need(cudnn().create(&handle), "starting");
  need(cudnn().set_stream(handle, stream), "stream");
  return handle;
}

}  // namespace

std::string missing_for_attention() { return cudnn().complete ? "" : "libcudnn.so.9 (not found)"; }

std::string cudnn_version() {
  const std::size_t v = cudnn().version();  // major x 10000 + minor x 100 + patch
  return fmt::format("cuDNN {}.{}.{}", v / 10000, v / 100 % 100, v % 100);
}

std::unique_ptr<GpuKernel> prepare_attention(const Session& session, const GpuRequest& r) {
  if (const std::string missing = missing_for_attention(); !missing.empty())
    throw NotMeasured("attention needs " + missing);
  const cudnnHandle_t handle = handle_on(session.stream);
  const auto a = std::make_shared<Attention>();
  a->scale = static_cast<float>(1 / std::sqrt(static_cast<double>(r.k)));
  a->parts.reserve(8);  // descriptors refer to each other by handle, not by place
  Descriptor graph = graph_of(handle, r, a->parts);
  a->plan.emplace(plan_of(handle, graph, a->parts));
  a->parts.push_back(std::move(graph));
  std::int64_t workspace = 0, count = 0;
  need(cudnn().get(a->plan->at(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &count, &workspace),
       "workspace");
  for (std::uint32_t i = 0; i < 4; ++i)
    a->buffers.push_back(operands(r.batch * r.heads * r.m * r.k, r.type, i + 1, session.stream));
  a->buffers.emplace_back(static_cast<double>(std::max<std::int64_t>(workspace, 16)));
  a->pack.emplace(pack_of(*a));
  const auto launch = [a, handle] { need(cudnn().execute(handle, a->plan->at(), a->pack->at()), "running"); };
  launch();
  check(cudaStreamSynchronize(session.stream), "running attention");
  return timed(session, launch);
}

#else

std::string missing_for_attention() { return "building with cuDNN 9.13 or later"; }
std::string cudnn_version() { return "without cuDNN"; }
std::unique_ptr<GpuKernel> prepare_attention(const Session&, const GpuRequest&) {
  throw NotMeasured("attention needs " + missing_for_attention());
}

#endif

}  // namespace orrery::cuda
