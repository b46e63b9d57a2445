#include "scenarios/calibration_samples.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "kernels/shapes.hpp"
#include "scenarios/measured_kernels.hpp"
#include "sim/json.hpp"
#include "sim/spec.hpp"

namespace orrery::measured {

namespace {

enum class Use { fit, compare, none };
enum class Order { row_major, column_major };

struct KernelUse {
  std::vector<std::string> kernels;  // as the rows name them, or a table its columns
  Seconds host{0};                   // in every measured time, beside the device's
  Seconds shortest{0};               // measured times below it say nothing of the device
  Use use = Use::fit;
  std::string note;
};

// "calibration" of a file.
struct SourceUse {
  std::string accelerator;  // "" = as the rows say
  Order order = Order::row_major;
  std::optional<DataType> precision;  // of rows that state none
  std::vector<KernelUse> kernels;
};

}  // namespace

}  // namespace orrery::measured

namespace orrery {

template <> struct EnumNames<measured::Use> {
  static constexpr std::array<std::string_view, 3> names = {"fit", "compare", "none"};
};
template <> struct EnumNames<measured::Order> {
  static constexpr std::array<std::string_view, 2> names = {"row-major", "column-major"};
};

namespace measured {

namespace {

void fields(Fields& f, KernelUse& k) {
  f.required("kernels", k.kernels);
  f("host", k.host, Need::optional, non_negative);
  f("shortest", k.shortest, Need::optional, non_negative);
  f("use", k.use);
  f("note", k.note);
}

void fields(Fields& f, SourceUse& s) {
  f("accelerator", s.accelerator);
  f("order", s.order);
  f("precision", s.precision);
  f("kernels", s.kernels);
}

struct SourceFile {
  SourceUse calibration;
};

void fields(Fields& f, SourceFile& file) { f("calibration", file.calibration); }

SourceUse read_use(const std::filesystem::path& file) {
  const Json document = read_json(file);
  const auto stated = document.find("calibration");
  if (stated == document.end()) return {};
  Json own = Json::object();
  own["calibration"] = *stated;
  return read_spec<SourceFile>(own, file.string(), Library()).calibration;
}

std::optional<Group> group_of(const std::vector<Kernel>& kernels) {
  const auto is_attention = [](const Kernel& k) {
    return k.kind == KernelKind::attention || k.kind == KernelKind::attention_backward;
  };
  const auto is_product = [](const Kernel& k) {
    return k.kind == KernelKind::gemm || k.kind == KernelKind::convolution;
  };
  if (kernels.empty()) return std::nullopt;
  if (std::all_of(kernels.begin(), kernels.end(), is_attention)) return Group::attention;
  if (kernels.size() > 1 || is_attention(kernels.front())) return std::nullopt;
  return is_product(kernels.front()) ? Group::gemm : Group::memory;
}

class Reader {
 public:
  Reader(const MeasuredFile& file, std::vector<Row>& rows, std::vector<LeftOut>* left_out)
      : name_(file.file.stem().string()), source_(read_use(file.file)), rows_(rows), left_out_(left_out) {
    for (const MeasuredRow& row : file.rows) read(row);
  }

 private:
  // Reports what is no sample by throwing CannotSimulate.
  void read(MeasuredRow row) {
    try {
      if (!row.exclude.empty()) throw CannotSimulate(row.exclude);
      if (source_.precision && !row.has("precision"))
        row.run["precision"] = data_type_names[static_cast<std::size_t>(*source_.precision)];
      if (row.has("mlp_up_proj_ms_median"))
        layer_operators(row);
      else
        one_kernel(row);
    } catch (const CannotSimulate& reason) {
      leave_out(row.id, reason.what());
    }
  }

  void leave_out(const std::string& id, const std::string& why) {
    if (left_out_ != nullptr) left_out_->push_back({name_, id, why});
  }

  void add(const std::string& id, const std::string& accelerator, const std::string& kernel, Group group,
           std::vector<Kernel> kernels, double seconds) {
    static const KernelUse plain;
    const auto known = std::find_if(source_.kernels.begin(), source_.kernels.end(), [&kernel](const KernelUse& use) {
      return std::find(use.kernels.begin(), use.kernels.end(), kernel) != use.kernels.end();
    });
    const KernelUse& use = known == source_.kernels.end() ? plain : *known;
    if (use.use == Use::none) return leave_out(id, "its file leaves such kernels out");
    if (seconds < use.shortest.value) return leave_out(id, "shorter than what its file trusts");
    rows_.push_back({source_.accelerator.empty() ? accelerator : source_.accelerator, group,
                     KernelSample{std::move(kernels), seconds, use.host.value, name_}, use.use == Use::fit, id});
  }

  void one_kernel(const MeasuredRow& row) {
    RulesUsed used;
    KernelCase work = kernel_case(row, used);
    // A type or an algorithm that is a guess would make a fit of the guess.
    if (used.count(Rule::kernel_type) > 0) throw CannotSimulate("its data type is not stated");
    if (used.count(Rule::attention_by_device) > 0)
      throw CannotSimulate("the implementation of attention is not stated");
    const auto seconds = measured_kernel_time(row, work);
    if (!seconds) throw CannotSimulate("no measured time or rate");
    if (!(*seconds > 0)) throw CannotSimulate("a measured time of 0 or less");
    const auto group = group_of(work.kernels);
    if (!group) throw CannotSimulate("several kernels in one time");
    if (*group == Group::gemm) as_timed(work.kernels.front(), used);
    add(row.id, work.accelerator, row.text("kernel").value_or(""), *group, std::move(work.kernels), *seconds);
  }

  // The product that one timed device computed.
  void as_timed(Kernel& kernel, const RulesUsed& used) const {
    if (kernel.kind != KernelKind::gemm || kernel.group > 1) return;
    if (used.count(Rule::half_chip) > 0) kernel = gemm(kernel.m, kernel.n, kernel.k, kernel.type, kernel.batch / 2);
    // Rows of the product of row-major matrices are columns of the column-major one.
    if (source_.order == Order::column_major) kernel = gemm(kernel.n, kernel.m, kernel.k, kernel.type, kernel.batch);
  }

  // Products and residual addition of one transformer layer in an inference stack, each timed by itself. Norms, activation
  // and rotation, beside them, are that stack's own kernels.
  void layer_operators(const MeasuredRow& row) {
    const std::string accelerator = kernel_accelerator(row);
    const std::int64_t degree = size_of(row, "tensor_parallel"), tokens = size_of(row, "tokens"),
                       hidden = size_of(row, "hidden"), heads = size_of(row, "heads"), head = hidden / heads,
                       ffn = size_of(row, "ffn") / degree, qkv = (heads + 2 * size_of(row, "kv_heads")) * head / degree;
    if (ffn < 1 || qkv < 1 || hidden / degree < 1) throw CannotSimulate("faulty row: more parallel than wide");
    const auto timed = [&](const char* column, Group group, const Kernel& kernel) {
      const auto ms = row.number(std::string(column) + "_ms_median");
      if (ms && *ms > 0)
        add(row.id + " " + column, accelerator, column, group, {kernel}, *ms * 1e-3);
      else
        leave_out(row.id + " " + column, "no measured time or rate");
    };
    const auto product = [&](const char* column, std::int64_t n, std::int64_t k) {
      timed(column, Group::gemm, gemm(tokens, n, k, DataType::fp16));
    };
    product("attn_pre_proj", qkv, hidden);
    product("attn_post_proj", hidden, hidden / degree);
    product("mlp_up_proj", 2 * ffn, hidden);
    product("mlp_down_proj", hidden, ffn);
    const double elements = static_cast<double>(tokens * hidden);
    timed("add", Group::memory, elementwise(tokens * hidden, 6 * elements, elements, DataType::fp16));
  }

  std::string name_;
  SourceUse source_;
  std::vector<Row>& rows_;
  std::vector<LeftOut>* left_out_;
};

}  // namespace

std::vector<Row> read_kernels(std::span<const std::filesystem::path> files, std::vector<LeftOut>* left_out) {
  std::vector<Row> rows;
  for (const auto& path : files)
    if (const MeasuredFile file = read_measured(path); file.kind == "kernel") Reader(file, rows, left_out);
  return rows;
}

std::vector<Row> read_kernels(const std::filesystem::path& folder) {
  return read_kernels(measured_files({folder.string()}));
}

std::vector<KernelSample> select(const std::vector<Row>& rows, const std::string& accelerator, Group group) {
  std::vector<KernelSample> samples;
  for (const Row& row : rows)
    if (row.accelerator == accelerator && row.group == group) samples.push_back(row.sample);
  return samples;
}

std::vector<KernelSample> of_type(const std::vector<KernelSample>& all, DataType type) {
  std::vector<KernelSample> samples;
  for (const KernelSample& sample : all)
    if (sample.kernels.front().type == type) samples.push_back(sample);
  return samples;
}

std::vector<KernelSample> of_generation(const std::vector<KernelSample>& all, int generation) {
  std::vector<KernelSample> samples;
  for (const KernelSample& sample : all)
    if (sample.kernels.front().generation == generation) samples.push_back(sample);
  return samples;
}

}  // namespace measured

}  // namespace orrery
