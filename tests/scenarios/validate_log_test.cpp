// Training logs as the frameworks write them (samples of our own in their layouts): which lines count, in which unit, and
// what is left out.
#include "scenarios/validate_log.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "sim/error.hpp"

using namespace orrery;

namespace {

std::string megatron_line(int iteration, double ms, int batch = 128) {
  return fmt::format(
      " [2026-03-01 10:{:02}:00] iteration {:8d}/     500 | consumed samples: {:12d} | elapsed time per iteration "
      "(ms): "
      "{:.1f} | throughput per GPU (TFLOP/s/GPU): 239.8 | learning rate: 8.600000E-06 | global batch size: {:5d} | lm "
      "loss: 1.825991E+00 | loss scale: 1.0 | grad norm: 1.426 | number of skipped iterations:   0 | number of nan "
      "iterations:   0 |\n",
      iteration % 60, iteration, iteration * batch, ms, batch);
}

std::string megatron_log(int iterations, double ms) {
  std::string text =
      "using world size: 64, data-parallel size: 8, tensor-model-parallel size: 8, pipeline-model-parallel size: 1\n"
      "------------------------ arguments ------------------------\n"
      "  global_batch_size ............................... 128\n"
      "  hidden_size ..................................... 4096\n"
      "  tensor_model_parallel_size ...................... 8\n"
      "  world_size ...................................... 64\n"
      "-------------------- end of arguments ---------------------\n";
  for (int i = 1; i <= iterations; ++i) text += megatron_line(i, i == 1 ? 90000 : ms + i % 3);
  return text;
}

const StepWork work{128, 128 * 4096, 64};

SteadyTime steady(const std::string& text, std::optional<std::int64_t> warm_up = {}, const StepWork& of = work) {
  return steady_time(parse_training_log(text, "log").steps, of, warm_up, "log");
}

std::string message(const std::string& text) {
  try {
    steady(text);
  } catch (const SpecError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a Megatron-LM log gives the steady iteration time and what it says of the job") {
  const TrainingLog log = parse_training_log(megatron_log(50, 5444), "log");
  CHECK(log.framework == "Megatron-LM");
  REQUIRE(log.steps.size() == 50);
  CHECK(log.steps[4].number == 5);
  CHECK(log.steps[4].global_batch == 128);
  CHECK(log.stated.at("devices") == 64);
  CHECK(log.stated.at("/jobs/0/model/hidden") == 4096);
  CHECK(log.stated.at("/jobs/0/plan/tensor") == 8);
  const SteadyTime time = steady(megatron_log(50, 5444));
  CHECK(time.warm_up == 10);
  CHECK(time.used == 40);
  CHECK(time.median_s == Approx(5.445));
  CHECK(time.low_s == Approx(5.444));
  CHECK(time.high_s == Approx(5.446));
}

TEST_CASE("Megatron forks that log seconds, or this and the mean time, are read the same") {
  CHECK(parse_training_log("iteration 7/ 10 | elapsed time per iteration (s): 103.21 | x", "log").steps[0].value ==
        Approx(103.21));
  CHECK(
      parse_training_log("iteration 7/ 10 | elapsed time per iteration (ms): 812.5/820.1 | x", "log").steps[0].value ==
      Approx(0.8125));
}

TEST_CASE("a torchtitan log counts tokens per second and device, of one rank only, colours or not") {
  std::string text;
  for (int step : {1, 10, 20, 30, 40})
    for (int rank : {0, 1})
      text += fmt::format(
          "[rank{}]:\x1b[31m[titan] 2026-02-24 19:46:17,508 - root - INFO - \x1b[36mstep: {:2}  \x1b[32mloss:  7.6258  "
          "\x1b[33mmemory: 49.66GiB(52.28%)  \x1b[34mtps: {}  \x1b[35mtflops: 339.82  mfu: 34.36%\x1b[39m\n",
          rank, step, step == 1 ? "112" : "5,862");
  const TrainingLog log = parse_training_log(text, "log");
  CHECK(log.framework == "torchtitan");
  CHECK(log.steps.size() == 5);
  const SteadyTime time = steady(text, {}, {8, 8 * 8192, 8});
  CHECK(time.used == 3);
  CHECK(time.median_s == Approx(8192 / 5862.0));
}

TEST_CASE("torchtitan logs of several ranks without prefixes count each step once") {
  std::string text;
  for (int step = 1; step <= 30; ++step)
    for (int rank = 0; rank < 8; ++rank)
      text += fmt::format("[titan] 2026-02-24 - root - INFO - step: {}  loss:  7.6  memory: 66.91GiB  tps: 10,050\n",
                          step);
  CHECK(parse_training_log(text, "log").steps.size() == 30);
}

TEST_CASE("a Composer log gives the rate below each batch, and the batches before the window is full count nothing") {
  std::string text = "d_model: 4096\nn_gpus: 64\n";
  for (int batch = 1; batch <= 40; ++batch) {
    text += fmt::format("[epoch=1][batch={}/4800]:\n\t Train time/batch: {}\n\t Train loss/train/total: 8.4\n", batch,
                        batch - 1);
    if (batch > 10)
      text +=
          "\t Train throughput/batches_per_sec: 0.1432\n\t Train throughput/samples_per_sec: 146.6\n"
          "\t Train throughput/device/samples_per_sec: 2.29\n\t Train throughput/tokens_per_sec: 300236.8\n";
  }
  const TrainingLog log = parse_training_log(text, "log");
  CHECK(log.framework == "llm-foundry (Composer)");
  CHECK(log.steps.size() == 30);
  CHECK(log.stated.at("/jobs/0/model/hidden") == 4096);
  CHECK(log.stated.at("devices") == 64);
  CHECK(steady(text, {}, {1024, 1024 * 2048, 64}).median_s == Approx(1024 / 146.6));
}

TEST_CASE("a batch ramp-up is left out, and a log without the scenario's batch is refused") {
  std::string text;
  for (int i = 1; i <= 40; ++i) text += megatron_line(i, i <= 20 ? 900 : 5000, i <= 20 ? 16 : 128);
  const SteadyTime time = steady(text);
  CHECK(time.other_batch == 20);
  CHECK(time.median_s == Approx(5));
  std::string small;
  for (int i = 1; i <= 40; ++i) small += megatron_line(i, 900, 16);
  CHECK_THAT(message(small), Catch::Contains("global batch size of 128") && Catch::Contains("16"));
}

TEST_CASE("after a restart the warm-up is left out again") {
  std::string text = megatron_log(30, 5000);
  for (int i = 21; i <= 50; ++i) text += megatron_line(i, i < 31 ? 20000 : 5001);
  const SteadyTime time = steady(text);
  CHECK(time.restarts == 1);
  CHECK(time.warm_up == 20);
  CHECK(time.high_s == Approx(5.002).epsilon(1e-3));
}

TEST_CASE("lines that sum up many iterations leave the first one out, and short logs at most half") {
  std::string text;
  for (int i = 100; i <= 500; i += 100) text += megatron_line(i, i == 100 ? 6000 : 5000);
  CHECK(steady(text).warm_up == 1);
  CHECK(steady(text).high_s == Approx(5));
  CHECK(steady(megatron_log(4, 5000)).used == 2);
  CHECK(steady(megatron_log(1, 5000)).used == 1);
}

TEST_CASE("a stated warm-up is taken as stated") {
  CHECK(steady(megatron_log(50, 5000), 0).used == 50);
  CHECK(steady(megatron_log(50, 5000), 40).used == 10);
  CHECK_THROWS_AS(steady(megatron_log(50, 5000), 50), SpecError);
}

TEST_CASE("a log without a single iteration says what was looked for and what to do") {
  CHECK_THAT(message("Traceback (most recent call last):\n  File \"train.py\"\n"),
             Catch::Contains("elapsed time per iteration") && Catch::Contains("none in 2 lines"));
  CHECK_THAT(message("[batch=1/10]:\n\t Train time/batch: 0\n"), Catch::Contains("1 batches without it"));
  CHECK_THAT(message("#       size         count      type   redop    root     time   algbw   busbw #wrong     time   "
                     "algbw   busbw #wrong\n     1048576        262144     float     sum      -1    41.66   25.17   "
                     "47.19      0    41.43   25.31   47.45      0\n"),
             Catch::Contains("nccl-tests") && Catch::Contains("orrery collective"));
  CHECK_THAT(message(""), Catch::Contains("none in 0 lines"));
}

TEST_CASE("a NeMo log gives its step timings, from lines and from a progress bar that returns the carriage") {
  std::string lines, bar = "Epoch 0: :   0%|          | 0/500 [00:00<?]";
  for (int i = 0; i < 40; ++i) {
    const double seconds = i == 0 ? 61.0 : 5.5 + 0.01 * (i % 3);
    lines += fmt::format(
        "Training epoch 0, iteration {}/499 | lr: 4.498e-07 | global_batch_size: 128 | global_step: {} | "
        "reduced_train_loss: 11.03 | train_step_timing in s: {:.3f} | consumed_samples: {}\n",
        i, i, seconds, 128 * (i + 1));
    bar += fmt::format(
        "\rEpoch 0: :   2%|#         | {}/500 [01:00<45:00, v_num=0, reduced_train_loss=9.020, global_step={}.000, "
        "consumed_samples={}.0, train_step_timing in s={:.3f}]",
        i + 1, i, 128 * (i + 1), seconds);
  }
  for (const std::string& text : {lines, bar}) {
    const TrainingLog log = parse_training_log(text, "log");
    CHECK(log.framework == "NeMo");
    REQUIRE(log.steps.size() == 40);
    CHECK(log.steps[7].number == 7);
    CHECK(steady(text).median_s == Approx(5.51));
  }
  CHECK(parse_training_log(lines, "log").steps[3].global_batch == 128);
}

TEST_CASE("a DeepSpeed log gives times of its pipeline engine or samples per second of its timer") {
  std::string pipeline, timer;
  for (int i = 10; i <= 200; i += 10) {
    pipeline += fmt::format("steps: {} loss: 2.3341 iter time (s): 4.000 samples/sec: 32.000\n", i);
    timer += fmt::format(
        "[2026-03-01 10:00:00,123] [INFO] [timer.py:264:stop] epoch=0/micro_step={}/global_step={}, "
        "RunningAvgSamplesPerSec=31.2, CurrSamplesPerSec=32.0, MemAllocated=12.3GB, MaxMemAllocated=45.6GB\n",
        4 * i, i);
  }
  CHECK(parse_training_log(pipeline, "log").framework == "DeepSpeed");
  CHECK(steady(pipeline).median_s == Approx(4));
  CHECK(parse_training_log(timer, "log").steps[2].number == 30);
  CHECK(steady(timer).median_s == Approx(4));
}

TEST_CASE("a step that Megatron-DeepSpeed logs twice counts once") {
  std::string text;
  for (int i = 1; i <= 40; ++i) {
    text += fmt::format(
        "[INFO] [timer.py:199:stop] 0/{}, global_step={}, RunningAvgSamplesPerSec=9, "
        "CurrSamplesPerSec=8\n",
        i, i);
    text += megatron_line(i, 5000);
  }
  const TrainingLog log = parse_training_log(text, "log");
  CHECK(log.steps.size() == 40);
}

TEST_CASE("the line with which Megatron-LM divides the devices says what it says") {
  const TrainingLog log = parse_training_log(
      "using world size: 128, data-parallel size: 4, context-parallel size: 1, hierarchical context-parallel sizes: "
      "Nonetensor-model-parallel size: 8, encoder-tensor-model-parallel size: 0, pipeline-model-parallel size: 4, "
      "encoder-pipeline-model-parallel size: 0\n" +
          megatron_log(3, 5444),
      "log");
  CHECK(log.stated.at("/jobs/0/plan/tensor") == 8);
  CHECK(log.stated.at("/jobs/0/plan/pipeline") == 4);
  CHECK(log.stated.at("/jobs/0/plan/context") == 1);
  CHECK(log.stated.at("/jobs/0/plan/data") == 4);
  CHECK(log.stated.at("devices") == 128);
  const TrainingLog older = parse_training_log(
      "using world size: 16, data-parallel-size: 2, tensor-model-parallel size: 8\n" + megatron_log(3, 5444), "log");
  CHECK(older.stated.at("/jobs/0/plan/data") == 2);
}
