#include <sstream>

#include <catch2/catch.hpp>

#include "analysis/report.hpp"
#include "analysis/text_style.hpp"

using namespace orrery;

namespace {

StageMetrics stage(int number, double compute) {
  StageMetrics s;
  s.stage = number;
  s.devices = 8;
  s.compute_s = compute;
  s.exposed_communication_s = 0.3;
  s.bubble_s = 0.2;
  s.other_s = 2 - compute - 0.5;
  s.compute_by_kernel_s = {{"gemm", compute * 0.7}, {"attention", compute * 0.2}, {"host launch", compute * 0.1}};
  s.exposed_by_collective_s = {{"all_reduce (tensor-parallel)", 0.3}};
  s.communication_by_collective_s = {{"all_reduce (tensor-parallel)", 0.5}, {"send_recv (send-forward)", 0.1}};
  s.memory_peak_by_category_bytes = {10e9, 5e9, 20e9, 30e9, 1e9};
  s.memory_peak_bytes = 66e9;
  s.memory_capacity_bytes = 80e9;
  return s;
}

JobMetrics job_of(int stages) {
  JobMetrics job;
  job.name = "pretraining";
  job.flop_convention = "6N + causal attention";
  job.devices = 8.0 * stages;
  job.devices_by_model = {{"NVIDIA A100 SXM4 80 GB", job.devices}};
  job.iteration_s = 2;
  job.tokens_per_s = 1.23456e6;
  job.tokens_per_s_per_device = job.tokens_per_s / job.devices;
  job.samples_per_s = 600;
  job.model_tflops_per_device = 141;
  job.mfu = 0.452;
  job.hfu = 0.5;
  job.energy = {30e3, 1e3, 9e3, 5e3};
  job.energy_J = 45e3;
  job.average_power_W = 22.5e3;
  for (int s = 0; s < stages; ++s) job.stages.push_back(stage(s, s == stages / 2 ? 1.4 : 1.2));
  job.mean = stage(-1, 1.22);
  job.mean.devices = job.devices;
  job.memory_peak_bytes = 66e9;
  return job;
}

Metrics metrics_of(std::vector<JobMetrics> jobs) {
  Metrics m;
  m.jobs = std::move(jobs);
  m.end_s = 4;
  m.energy_J = 90e3;
  m.average_power_W = 22.5e3;
  m.link_bytes = 5e12;
  return m;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

int rows_starting(const std::string& text, const std::string& start) {
  std::istringstream lines(text);
  int count = 0;
  for (std::string line; std::getline(lines, line);) count += line.starts_with(start);
  return count;
}

}  // namespace

TEST_CASE("no line of a text report is wider than 100 columns") {
  const std::string long_note(30, 'x');
  std::string note;
  for (int i = 0; i < 20; ++i) note += long_note + " ";
  for (const int stages : {1, 4, 8, 9, 64}) {
    JobMetrics job = job_of(stages);
    job.mean.compute_by_kernel_s["a kernel with a name that is far too long for any table of this width"] = 0.01;
    job.devices_by_model["another accelerator with a very long title in full, memory variant included"] = 8;
    std::istringstream lines(text_report(metrics_of({job, job}), "A title", {note, "short"}));
    for (std::string line; std::getline(lines, line);) {
      INFO(line);
      CHECK(columns(line) <= 100);
    }
  }
}

TEST_CASE("the report says time, rates, utilization, energy and that it fits") {
  const std::string text = text_report(metrics_of({job_of(4)}), "A title", {"A note."});
  for (const char* part :
       {"A title", "2.00 s", "1.23 M tokens/s", "MFU 45.2 %", "HFU 50.0 %", "45.0 kJ", "22.5 kW",
        "fits: 66.0 GB of 80.0 GB (82.5 %)", "6N + causal attention", "32 × NVIDIA A100", "A note."}) {
    INFO(part);
    CHECK(has(text, part));
  }
  CHECK_FALSE(has(text, "\x1b["));
}

TEST_CASE("a mean of several iterations says of which, and waiting for slower devices is told from other idle time") {
  JobMetrics job = job_of(2);
  job.iterations_s = {9, 1.5, 2, 2.5};
  job.measured_iterations = 3;
  job.waiting_s = 0.2;
  const std::string text = text_report(metrics_of({job}), "", {});
  CHECK(has(text, "mean of 3 iterations, 1.50 s to 2.50 s"));
  CHECK(has(text, "Of other, 200 ms (10.0 %) is waiting for slower devices or links."));
}

TEST_CASE("of more than eight stages the first, the busiest, the last and the mean are shown") {
  JobMetrics job = job_of(64);
  job.stages[5].memory_peak_bytes = 70e9;
  const std::string text = text_report(metrics_of({job}), "", {});
  CHECK(has(text, "64 stages: the first, the one with most compute, the last, the mean"));
  for (const char* row : {"  0 ", "  63 "}) CHECK(rows_starting(text, row) == 2);  // time and memory
  CHECK(rows_starting(text, "  32 ") == 1);                                        // most compute
  CHECK(rows_starting(text, "  5 ") == 1);                                         // most memory
  CHECK(rows_starting(text, "  mean ") == 1);
  CHECK(rows_starting(text, "  1 ") == 0);
}

TEST_CASE("what does not fit is said before any number, with the shortfall in bytes and the largest consumers") {
  JobMetrics job = job_of(2);
  job.feasible = false;
  job.shortfall_bytes = 4123456789;
  job.stages[1].memory_peak_bytes = job.mean.memory_peak_bytes = 84123456789;
  const std::string text = text_report(metrics_of({job}), "", {});
  CHECK(has(text, "DOES NOT FIT IN MEMORY: 4.12 GB short per device (4123456789 bytes)"));
  CHECK(has(text, "stage 1 ("));
  CHECK_FALSE(has(text, "stage 0 ("));
  CHECK(text.find("activations 30.0 GB") < text.find("optimizer 20.0 GB"));
  CHECK(text.find("DOES NOT FIT") < text.find("devices  "));
  CHECK(text.find("largest: ") < text.find("iteration  "));
}

TEST_CASE("several jobs each have their part, and the whole run its own") {
  const std::string text = text_report(metrics_of({job_of(1), job_of(2)}), "", {});
  CHECK(rows_starting(text, "Job pretraining") == 2);
  CHECK(has(text, "Whole run"));
}

TEST_CASE("a job without a completed iteration is reported without times") {
  JobMetrics job = job_of(1);
  job.iteration_s = 0;
  const std::string text = text_report(metrics_of({job}), "", {});
  CHECK(has(text, "none was completed"));
  CHECK_FALSE(has(text, "Time per iteration"));
}

TEST_CASE("colours are used only when asked for, and change nothing else") {
  const Metrics m = metrics_of({job_of(4)});
  std::string coloured = text_report(m, "A title", {}, {true});
  CHECK(has(coloured, "\x1b["));
  for (std::size_t at; (at = coloured.find("\x1b[")) != std::string::npos;)
    coloured.erase(at, coloured.find('m', at) - at + 1);
  CHECK(coloured == text_report(m, "A title", {}));
}

TEST_CASE("a bar is as wide as asked, whatever its parts round to") {
  for (int thirds = 0; thirds <= 30; ++thirds) {
    const BarPart parts[] = {{thirds / 3.0, "█", 0}, {1.49, "▓", 0}, {0.51, "░", 0}};
    CHECK(columns(bar(parts, 10, 17, false)) == 17);
  }
}

TEST_CASE("counts are rounded to three significant digits with a prefix") {
  CHECK(count_text(8) == "8");
  CHECK(count_text(1024) == "1.02 k");
  CHECK(count_text(999.6) == "1.00 k");
  CHECK(count_text(1.2e12) == "1.20 T");
  CHECK(count_text(0) == "-");
}
