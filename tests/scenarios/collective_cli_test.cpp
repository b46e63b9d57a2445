// `orrery collective`.
#include <cmath>
#include <stdexcept>

#include <catch2/catch.hpp>

#include "scenarios/collective_times.hpp"
#include "sim/json.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;
using namespace orrery::test;
using Catch::Matchers::Contains;

namespace {

const char* const two_ranks =
    "#  Rank  0 Group  0 Pid  1 on  h device  0 [0x0f] NVIDIA A100-SXM4-80GB\n"
    "#  Rank  1 Group  0 Pid  2 on  h device  1 [0x10] NVIDIA A100-SXM4-80GB\n";

Json document(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "collective");
  arguments.emplace_back("--json");
  const Outcome outcome = run_orrery(arguments);
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(outcome.err == "");
  Json json = parse_json(outcome.out, "output");
  json.erase("provenance");
  return json;
}

// A log as nccl-tests prints it, with the times of a prediction scaled by `factor`.
std::string log_of(const Json& predicted, double factor) {
  std::string text = "# Collective test starting: all_reduce_perf\n# nThread 1 nGpus 8\n";
  for (const Json& row : predicted["rows"])
    text += fmt::format("{:>12.0f} {:>12} float sum -1 {:.4f} 1.00 1.00 0 {:.4f} 1.00 1.00 0\n",
                        row["size_bytes"].get<double>(), 1, row["time_s"].get<double>() * 1e6 * factor,
                        row["time_s"].get<double>() * 1e6);
  return text;
}

}  // namespace

TEST_CASE("sizes are read as nccl-tests reads them") {
  CHECK(parse_sizes("8") == std::vector<double>{8});
  CHECK(parse_sizes("8B") == std::vector<double>{8});
  for (const char* nothing : {"0", "0B", "0B..8G", "0K"}) CHECK_THROWS_AS(parse_sizes(nothing), std::invalid_argument);
  CHECK(parse_sizes("64K,1k") == std::vector<double>{1024, 65536});
  CHECK(parse_sizes("8..8G").size() == 31);
  CHECK(parse_sizes("3..20") == std::vector<double>{3, 6, 12});
  CHECK(parse_sizes("1GiB") == std::vector<double>{1073741824});
  for (const char* bad : {"", "K", "8Q", "8..", "..8", "8..4", "8,,9", "8,", "-8", "0", "1e9", "8 K", "99999999999T"}) {
    INFO(bad);
    CHECK_THROWS_AS(parse_sizes(bad), std::invalid_argument);
  }
}

TEST_CASE("collective prints a row per size, never faster for more bytes") {
  const Json json = document({"all_reduce", "--topology", "dgx-a100-80gb"});
  REQUIRE(json["rows"].size() == 31);
  double before = 0;
  for (const Json& row : json["rows"]) {
    CHECK(row["time_s"].get<double>() >= before);
    before = row["time_s"];
    CHECK(row["busbw_GBs"].get<double>() == Approx(row["algbw_GBs"].get<double>() * 1.75));
  }
}

TEST_CASE("alone on the machine both evaluators agree, and inside a node both details") {
  const auto times = [](const char* devices, const std::vector<std::string>& more) {
    std::vector<std::string> all = {"all_reduce", "--topology", "dgx-h100",    "--devices", devices,
                                    "--bytes",    "1K,64M",     "--algorithm", "ring"};
    all.insert(all.end(), more.begin(), more.end());
    std::vector<double> seconds;
    const Json json = document(all);
    for (const Json& row : json["rows"]) seconds.push_back(row["time_s"]);
    return seconds;
  };
  for (const char* devices : {"8", "16"}) {
    const auto sum = times(devices, {}), engine = times(devices, {"--fidelity", "flow"});
    const auto steps = times(devices, {"--detail", "step"});
    for (std::size_t i = 0; i < 2; ++i) {
      INFO(devices << " devices, size " << i);
      CHECK(engine[i] == Approx(sum[i]).epsilon(1e-9));
      // Across nodes every round waits for its slowest send: lockstep costs more than a pipeline.
      if (devices == std::string("8")) CHECK(steps[i] == Approx(sum[i]).epsilon(1e-9));
      CHECK(steps[i] >= sum[i] * (1 - 1e-9));
    }
  }
}

TEST_CASE("a log of a prediction is met exactly, a log of twice the times is off by half") {
  const Folder folder;
  const Json predicted = document({"all_reduce", "--topology", "dgx-a100-80gb", "--bytes", "1K..1G"});
  const std::string log = folder.write("log.txt", log_of(predicted, 2));
  const Json json = document({"--topology", "dgx-a100-80gb", "--log", log});
  CHECK(json["collective"] == "all_reduce");
  CHECK(json["devices"] == 8);
  CHECK(json["rows"].size() == predicted["rows"].size());
  CHECK(json["errors_in_place"]["geomean_error"].get<double>() == Approx(0).margin(1e-4));
  CHECK(json["errors_out_of_place"]["geomean_error"].get<double>() == Approx(1).epsilon(1e-4));
  CHECK(json["errors_out_of_place"]["bias"].get<double>() == Approx(-0.5).epsilon(1e-4));
}

TEST_CASE("collective writes its table as CSV and its curve as SVG") {
  const Folder folder;
  const Outcome outcome = run_orrery({"collective", "all_gather", "--topology", "dgx-h100", "--csv",
                                      folder.path("a.csv"), "--plot", folder.path("a.svg")});
  CHECK(outcome.exit_code == 0);
  CHECK_THAT(read_text(folder.path("a.csv")), Contains("size_bytes") && Contains("all_gather,8,1,8589934592"));
  CHECK_THAT(read_text(folder.path("a.svg")), Contains("<svg") && Contains("bus bandwidth"));
}

TEST_CASE("ranks fill nodes one after the other, or are spread as asked") {
  const Json packed = document({"all_reduce", "--topology", "dgx-h100", "--devices", "8", "--bytes", "1M"});
  const Json spread = document(
      {"all_reduce", "--topology", "dgx-h100", "--devices", "8", "--nodes", "4", "--bytes", "1M"});
  CHECK(packed["nodes"] == 1);
  CHECK(spread["nodes"] == 4);
  CHECK(packed["rows"][0]["time_s"].get<double>() < spread["rows"][0]["time_s"].get<double>());
}

TEST_CASE("collective refuses what cannot be, with exit code 2 and one clear line") {
  const Folder folder;
  const std::string two_kinds = folder.write("two.txt",
                                             "all_reduce_perf\n8 2 float sum -1 1 1 1 0 1 1 1 0\n"
                                             "all_gather_perf\n8 2 float sum -1 1 1 1 0 1 1 1 0\n");
  const std::string no_ranks = folder.write("ranks.txt", "all_reduce_perf\n8 2 float sum -1 1 1 1 0 1 1 1 0\n");
  const auto refused = [](std::vector<std::string> arguments, const std::string& why) {
    arguments.insert(arguments.begin(), {"collective", "--topology", "dgx-h100"});
    const Outcome outcome = run_orrery(arguments);
    INFO(outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK(outcome.out == "");
    CHECK_THAT(outcome.err, Contains(why) && Catch::Matchers::StartsWith("error: "));
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  };
  refused({}, "missing argument KIND");
  refused({"all_reduc"}, "did you mean \"all_reduce\"");
  refused({"barrier"}, "no bytes");
  refused({"all_reduce", "--algorithm", "rings"}, "did you mean \"ring\"");
  refused({"reduce_scatter", "--devices", "6", "--algorithm", "halving-doubling"}, "which can serve 4 and 8 devices");
  refused({"all_reduce", "--algorithm", "nvls", "--protocol", "ll"},
          "--algorithm: expected an algorithm with protocol ll");
  refused({"all_reduce", "--devices", "1"}, "at least 2");
  refused({"all_reduce", "--devices", "10", "--nodes", "3"}, "multiple of the 3 nodes");
  refused({"all_reduce", "--devices", "36", "--nodes", "4"}, "has 32 there");
  refused({"all_reduce", "--bytes", "8..8Q"}, "--bytes");
  refused({"all_reduce", "--precision", "fp3"}, "--precision");
  refused({"all_gather", "--bytes", "8"}, "an element");
  refused({"all_reduce", "--devices", "2048", "--detail", "step"}, "at most 1024");
  refused({"--log", two_kinds}, "say which");
  refused({"--log", no_ranks}, "--devices");
  refused({"broadcast", "--log", two_kinds}, "holds no broadcast");
  refused({"--log", folder.write("empty.txt", "nothing\n")}, "none in 1 line");
  const Outcome too_many = run_orrery({"collective", "all_reduce", "--topology", "tiny", "--devices", "9"});
  CHECK(too_many.exit_code == 2);
  CHECK_THAT(too_many.err, Contains("at most the 8 devices"));
}

TEST_CASE("over optical circuits both evaluators refuse a port with more peers than circuits, and else agree") {
  const auto answer = [](const char* kind, const char* fidelity) {
    return run_orrery(
        {"collective", kind, "--topology", "megatron-76b-64-a100-optical", "--bytes", "1G", "--fidelity", fidelity});
  };
  const Outcome sum = answer("all_to_all", "analytic"), engine = answer("all_to_all", "flow");
  CHECK(sum.exit_code == 2);
  CHECK_THAT(sum.err, Contains("needs 7 peers"));
  CHECK(sum.err == engine.err);
  CHECK(answer("all_reduce", "analytic").out == answer("all_reduce", "flow").out);
}

TEST_CASE("a forced algorithm is not said to have been chosen") {
  const Outcome asked = run_orrery(
      {"collective", "all_reduce", "--topology", "dgx-h100", "--bytes", "1M", "--algorithm", "ring"});
  CHECK_THAT(asked.out, Contains("ring as asked: ring/") && !Contains("least predicted time"));
  const Outcome chosen = run_orrery({"collective", "all_reduce", "--topology", "dgx-h100", "--bytes", "1M"});
  CHECK_THAT(chosen.out, Contains("least predicted time"));
}

TEST_CASE("a log of other ranks or hosts than were asked for is compared with a warning") {
  const Folder folder;
  const std::string log = folder.write(
      "ar.log",
      std::string(two_ranks) + "all_reduce_perf\n 1048576 262144 float sum -1 50.0 1.0 1.0 0 50.0 1.0 1.0 0\n");
  const auto output = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"collective", "--topology", "dgx-a100-80gb", "--log", log});
    const Outcome outcome = run_orrery(arguments);
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    return outcome.out;
  };
  CHECK_THAT(output({"--devices", "2"}), !Contains("warning"));
  CHECK_THAT(output({"--devices", "4"}),
             Contains("warning: the log lists 2 ranks, the prediction and all busbw are for 4"));
  CHECK_THAT(output({"--nodes", "2"}), Contains("warning: the log lists 1 host, the prediction is for 2 nodes"));
}

TEST_CASE("a log of another collective or another device is compared with a warning") {
  const Folder folder;
  const std::string log = folder.write(
      "ar.log", std::string(two_ranks) + " 1048576 262144 float sum -1 50.0 1.0 1.0 0 50.0 1.0 1.0 0\n");
  const auto notes = [&](const char* kind, const char* machine) {
    const Outcome outcome = run_orrery({"collective", kind, "--topology", machine, "--log", log});
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    return outcome.out;
  };
  CHECK_THAT(notes("all_reduce", "dgx-a100-80gb"), !Contains("warning"));
  CHECK_THAT(notes("all_gather", "dgx-a100-80gb"), Contains("which all_gather does not have"));
  CHECK_THAT(notes("all_reduce", "dgx-h100"), Contains("measured on NVIDIA A100-SXM4-80GB"));
}

TEST_CASE("the kind of a log is checked against its rates and counts, and found where they leave one") {
  const Folder folder;
  std::string eight;
  for (int r = 0; r < 8; ++r)
    eight += fmt::format("#  Rank {:>2} Group  0 Pid  1 on  h device {:>2} [0x0f] NVIDIA A100-SXM4-80GB\n", r, r);
  const auto run = [&](const char* kind, const std::string& row) {
    std::vector<std::string> arguments = {"collective", "--topology", "dgx-a100-80gb", "--log",
                                          folder.write("a.log", eight + row)};
    if (*kind) arguments.insert(arguments.begin() + 1, kind);
    return run_orrery(arguments);
  };
  const std::string sum = " 134217728 33554432 float sum -1 1184.5 113.31 198.30 0 1183.1 113.44 198.53 0\n";
  CHECK_THAT(run("", sum).out,
             Contains("only all_reduce has such reductions, roots, rates and counts") && !Contains("warning"));
  CHECK_THAT(run("all_reduce", sum).out, !Contains("warning"));
  CHECK_THAT(run("reduce_scatter", sum).out,
             Contains("warning: busbw/algbw is 1.750 in line 9 of the log, but 0.875 for "
                      "reduce_scatter over 8 devices") &&
                 Contains("counts 33554432 elements in 134217728 B, but it is 4194304"));
  const std::string parts = " 134217728 4194304 float none -1 1184.5 113.31 99.15 0 1183.1 113.44 99.26 0\n";
  CHECK_THAT(run("all_gather", parts).out, !Contains("warning"));
  CHECK_THAT(run("broadcast", parts).out, Contains("warning: busbw/algbw") && Contains("has root -1: none, but"));
  CHECK(run("", parts).exit_code == 2);
  CHECK_THAT(run("", parts).err, Contains("figures fit all_gather, all_to_all: name it"));
}

// sendrecv_perf prints the reduction of its command line, and -1 for the root (src/sendrecv.cu of nccl-tests).
TEST_CASE("a log of sendrecv_perf is one of send_recv, and roots tell a broadcast from what has none") {
  const Folder folder;
  std::string four;
  for (int r = 0; r < 4; ++r)
    four += fmt::format("#  Rank {:>2} Group  0 Pid  1 on  h{} device  0 [0x0f] NVIDIA A100-SXM4-80GB\n", r, r);
  const auto run = [&](const char* kind, const std::string& row, const std::string& header = "") {
    std::vector<std::string> arguments = {"collective", "--topology", "dgx-a100-80gb", "--log",
                                          folder.write("a.log", header + four + row)};
    if (*kind) arguments.insert(arguments.begin() + 1, kind);
    return run_orrery(arguments);
  };
  const std::string sent = " 1073741824 268435456 float sum -1 48000 22.37 22.37 0 48000 22.37 22.37 N/A\n";
  CHECK_THAT(run("", sent).out, Contains("only send_recv has such reductions, roots, rates and counts") &&
                                    Contains("send_recv over 4 devices") && !Contains("warning"));
  CHECK_THAT(run("send_recv", sent).out, !Contains("warning"));
  CHECK_THAT(run("", sent, "# Collective test starting: sendrecv_perf\n").out, !Contains("warning"));
  CHECK_THAT(run("reduce", sent).out, Contains("warning: line 5 of the log has root -1: none, but reduce has one"));
  const std::string broadcast = " 1073741824 268435456 float none 0 48000 22.37 22.37 0 48000 22.37 22.37 0\n";
  CHECK_THAT(run("", broadcast).out, Contains("only broadcast has such") && !Contains("warning"));
  CHECK_THAT(run("send_recv", broadcast).out,
             Contains("warning: line 5 of the log has root 0, which send_recv does not have"));
  const std::string reduced = " 1073741824 268435456 float sum 0 48000 22.37 22.37 0 48000 22.37 22.37 0\n";
  CHECK_THAT(run("", reduced).out, Contains("only reduce has such"));
}

TEST_CASE("an uneven all-to-all goes at the rate of its most popular receiver") {
  const auto seconds = [](const char* shares) {
    std::vector<std::string> arguments = {"all_to_all", "--topology",  "dgx-a100-80gb", "--bytes",
                                          "4G",         "--algorithm", "direct"};
    if (*shares) arguments.insert(arguments.end(), {"--shares", shares});
    return document(arguments)["rows"][0]["time_s"].get<double>();
  };
  const double even = seconds("");
  CHECK(seconds("1,1,1,1,1,1,1,1") == Approx(even).epsilon(1e-9));
  CHECK(seconds("zipf:0") == Approx(even).epsilon(1e-9));
  // 7 senders with 0.65 each, where even shares are 1/8.
  CHECK(seconds("13,1,1,1,1,1,1,1") / even == Approx(0.65 * 8).epsilon(0.02));
  CHECK(seconds("zipf:1.2") > seconds("zipf:0.6"));
  CHECK(parse_shares("0,2,1,0", 2) == std::vector<double>{0, 1, 0.5, 0});
  CHECK(parse_shares("zipf:1", 3)[2] == Approx(1.0 / 3 / (1 + 0.5 + 1.0 / 3)));
  for (const char* bad : {"", "1,2", "1,2,x", "zipf:", "zipf:-1", "0,0,0", "1,2,-3"}) {
    INFO(bad);
    CHECK_THROWS_AS(parse_shares(bad, 3), std::invalid_argument);
  }
}

TEST_CASE("options of collective that do nothing are told, those that contradict are refused") {
  const auto outcome = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"collective", "--bytes", "1M"});
    return run_orrery(arguments);
  };
  CHECK_THAT(outcome({"all_reduce", "--topology", "dgx-h100", "--devices", "8", "--in-network-reduction"}).out,
             Contains("--in-network-reduction has no effect: one node"));
  CHECK_THAT(
      outcome({"all_reduce", "--topology", "gpt3-175b-1024-a100", "--devices", "16", "--set", "/cluster/fabric/seed=7"})
          .out,
      Contains("fabric seed has no effect: ideal ecmp"));
  const std::string schedule = std::string(ORRERY_SOURCE_DATA_DIR) +
                               "/scenarios/library/schedules/ring-allreduce-4.xml";
  const Outcome both = outcome(
      {"all_reduce", "--topology", "dgx-h100", "--devices", "4", "--schedule", schedule, "--protocol", "ll128"});
  CHECK(both.exit_code == 2);
  CHECK_THAT(both.err, Contains("--protocol") && Contains("--schedule"));
}

TEST_CASE("what a collective refuses is said of the file or option that the user wrote") {
  const auto refused = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"collective"});
    const Outcome outcome = run_orrery(arguments);
    CHECK(outcome.exit_code == 2);
    CHECK_THAT(outcome.err, !Contains("input:"));
    return outcome.err;
  };
  CHECK_THAT(refused({"all_to_all", "--topology", "megatron-76b-64-a100-optical", "--bytes", "1G"}),
             Contains("megatron-76b-64-a100-optical.json: at /cluster/fabric/options"));
  const std::string schedule = std::string(ORRERY_SOURCE_DATA_DIR) +
                               "/scenarios/library/schedules/ring-allreduce-4.xml";
  CHECK_THAT(refused({"all_reduce", "--topology", "dgx-h100", "--devices", "8", "--schedule", schedule}),
             Contains("ring-allreduce-4.xml: expected a schedule of all_reduce over 8 ranks"));
  CHECK_THAT(refused({"all_to_all", "--topology", "dgx-h100", "--protocol", "ll"}),
             Contains("--protocol: expected one that all_to_all has on these devices, found \"ll\""));
  CHECK_THAT(refused({"all_reduce", "--topology", "dgx-h100", "--shares", "zipf:1"}),
             Contains("--shares: expected all_to_all, found all_reduce"));
}

TEST_CASE("send_recv runs over all devices of a node") {
  const Json json = document({"send_recv", "--topology", "dgx-a100-80gb", "--bytes", "1G"});
  CHECK(json["devices"] == 8);
  CHECK(json["rows"][0]["busbw_GBs"].get<double>() > 50);
}
