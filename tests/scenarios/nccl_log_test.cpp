#include "scenarios/nccl_log.hpp"

#include <catch2/catch.hpp>

#include "sim/error.hpp"

using namespace orrery;
using Catch::Matchers::Contains;

namespace {

const char* const two_hosts = R"(# nccl-tests version 2.13.11 nccl-headers=22005 nccl-library=22005
# Collective test starting: all_reduce_perf
# nThread 1 nGpus 1 minBytes 8 maxBytes 33554432 step: 2(factor) warmup iters: 5 iters: 20 agg iters: 1 validation: 1 graph: 0
#
# Using devices
#  Rank  0 Group  0 Pid  41871 on    node01 device  0 [0x07] NVIDIA H100 80GB HBM3
#  Rank  1 Group  0 Pid  41872 on    node01 device  1 [0x0b] NVIDIA H100 80GB HBM3
#  Rank  2 Group  0 Pid  30011 on    node02 device  0 [0x07] NVIDIA H100 80GB HBM3
#  Rank  3 Group  0 Pid  30012 on    node02 device  1 [0x0b] NVIDIA H100 80GB HBM3
#
#                                                              out-of-place                       in-place
#       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw   busbw #wrong
#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)
           8             2     float     sum      -1    25.50    0.00    0.00      0    24.90    0.00    0.00      0
NCCL INFO node01:41871 [0] something went by
    33554432       8388608     float     sum      -1    355.2   94.47  141.70      0    354.9   94.55  141.82    N/A
# Out of bounds values : 0 OK
# Avg bus bandwidth    : 70.88
)";

NcclLog parse(const std::string& text) { return parse_nccl_log(text, "log.txt"); }

}  // namespace

TEST_CASE("a log of nccl-tests gives its collective, ranks, hosts, GPU and both columns of every row") {
  const NcclLog log = parse(two_hosts);
  CHECK(log.devices == 4);
  CHECK(log.hosts == 2);
  CHECK(log.gpu == "NVIDIA H100 80GB HBM3");
  CHECK(log.kinds() == std::vector<CollectiveKind>{CollectiveKind::all_reduce});
  REQUIRE(log.rows.size() == 2);
  CHECK(log.rows[1].bytes == 33554432);
  CHECK(log.rows[1].count == 8388608);
  CHECK(log.rows[1].type == "float");
  CHECK(log.rows[1].redop == "sum");
  CHECK(log.rows[1].root == -1);
  CHECK(*log.rows[1].out_of_place_s == Approx(355.2e-6));
  CHECK(*log.rows[1].in_place_s == Approx(354.9e-6));
  CHECK(log.notes.empty());
}

TEST_CASE("a time that is not at the rate printed beside it is told, with its line") {
  std::string text = two_hosts;
  text.replace(text.find("355.2"), 5, "35.52");
  const NcclLog log = parse(text);
  REQUIRE(log.notes.size() == 1);
  CHECK_THAT(log.notes[0], Contains("1 time is not at the rate printed beside it") && Contains("line 16") &&
                               Contains("944.66 GB/s") && Contains("94.47"));
}

TEST_CASE("prefixes of mpirun, carriage returns and library messages between the rows do no harm") {
  std::string text;
  std::string_view rest = two_hosts;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    text += "[1,0]<stdout>: " + std::string(rest.substr(0, end)) + "\r\n";
    rest.remove_prefix(end + 1);
  }
  const NcclLog log = parse("mpirun noise \x01\xff\n" + text);
  CHECK(log.rows.size() == 2);
  CHECK(log.devices == 4);
}

TEST_CASE("old tables without redop and with an error column are read by their heading") {
  const NcclLog log = parse(R"(# nThread 1 nGpus 8 minBytes 1048576 maxBytes 1048576 step: 2(factor)
#                                             out-of-place                    in-place
#       size         count    type     time   algbw   busbw  error     time   algbw   busbw  error
     1048576          32768   float    30.10   34.84   30.48  0e+00    29.90   35.07   30.69  0e+00
)");
  CHECK(log.devices == 8);
  CHECK(log.kinds().empty());
  REQUIRE(log.rows.size() == 1);
  CHECK(*log.rows[0].out_of_place_s == Approx(30.10e-6));
  CHECK(*log.rows[0].in_place_s == Approx(29.90e-6));
}

TEST_CASE("a table with one placement has no in-place times") {
  const NcclLog log = parse(R"(./build/alltoall_perf -b 1M
#       size         count      type   redop    root     time   algbw   busbw #wrong
     1048576         32768      half    none      -1    43.10   24.33   21.29    N/A
)");
  REQUIRE(log.rows.size() == 1);
  CHECK(log.rows[0].kind == CollectiveKind::all_to_all);
  CHECK(*log.rows[0].out_of_place_s == Approx(43.1e-6));
  CHECK_FALSE(log.rows[0].in_place_s);
}

TEST_CASE("several tables in one log keep their collectives apart") {
  std::string second = two_hosts;
  second.replace(second.find("all_reduce_perf"), 15, "all_gather_perf");
  const NcclLog log = parse(two_hosts + second);
  CHECK(log.rows.size() == 4);
  CHECK(log.kinds() == std::vector<CollectiveKind>{CollectiveKind::all_reduce, CollectiveKind::all_gather});
}

TEST_CASE("rows cut short are counted, rows of nothing are left out") {
  const NcclLog log = parse(
      std::string(two_hosts) +
      "           0             0     float     sum      -1     3.50    0.00    0.00      0     "
      "3.40    0.00    0.00      0\n    67108864      16777216     float     sum      -1    700.2\n");
  CHECK(log.rows.size() == 2);
  REQUIRE(log.notes.size() == 1);
  CHECK_THAT(log.notes[0], Contains("1 line of the log"));
}

TEST_CASE("rows with wrong results are read and told of, errors of rounding are not") {
  std::string text = two_hosts;
  text.replace(text.find("141.70      0"), 13, "141.70     12");
  const NcclLog log = parse(text);
  CHECK(log.rows.size() == 2);
  REQUIRE(log.notes.size() == 1);
  CHECK_THAT(log.notes[0], Contains("1 row") && Contains("wrong results") && Contains("line 16"));
  const NcclLog old = parse(
      R"(#       size         count    type     time   algbw   busbw  error     time   algbw   busbw  error
     1048576          32768   float    30.10   34.84   30.48  4e-07    29.90   35.07   30.69  4e-07
)");
  CHECK(old.rows.size() == 1);
  CHECK(old.notes.empty());
}

TEST_CASE("a log without a row is a fault that says what was expected") {
  for (const char* text : {"", "\n", "hello\n# size count type time\n", "8 2 float\n"}) {
    INFO(text);
    CHECK_THROWS_WITH(parse(text), Contains("nccl-tests") && Contains("none in"));
  }
  CHECK_THROWS_WITH(parse("{\"results\": []}\n"), Contains("none in 1 line of JSON"));
  CHECK_THROWS_AS(read_nccl_log("/"), SpecError);
  CHECK_THROWS_AS(read_nccl_log("/no/such/log"), SpecError);
}

TEST_CASE("collectives go by the names of programs, libraries and papers") {
  CHECK(collective_of("all_reduce_perf") == CollectiveKind::all_reduce);
  CHECK(collective_of("AllReduce") == CollectiveKind::all_reduce);
  CHECK(collective_of("alltoall") == CollectiveKind::all_to_all);
  CHECK(collective_of("all-to-all") == CollectiveKind::all_to_all);
  CHECK(collective_of("sendrecv") == CollectiveKind::send_receive);
  CHECK(collective_of("reduce_scatter") == CollectiveKind::reduce_scatter);
  CHECK_FALSE(collective_of("hypercube"));
  CHECK_FALSE(collective_of(""));
}

TEST_CASE("a log whose ranks contradict its header or its bandwidths says so") {
  std::string text = two_hosts;
  text.replace(text.find("nGpus 1"), 7, "nGpus 8");
  NcclLog log = parse(text);
  REQUIRE(log.notes.size() == 1);
  CHECK(log.notes[0].find("4 ranks") != std::string::npos);
  CHECK(log.notes[0].find("8 GPUs per process") != std::string::npos);
  text = two_hosts;  // 1.75 times the algorithm bandwidth: eight ranks, of which the log lists four
  for (const auto& [from, to] : {std::pair("141.70", "165.32"), std::pair("141.82", "165.46")})
    text.replace(text.find(from), std::string(from).size(), to);
  log = parse(text);
  REQUIRE(log.notes.size() == 1);
  CHECK(log.notes[0].find("busbw/algbw is 1.750") != std::string::npos);
}
