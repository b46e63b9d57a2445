// `orrery report`: what the page holds, that it stands alone, and what is refused.
#include <algorithm>

#include <catch2/catch.hpp>

#include "analysis/html_report.hpp"
#include "sim/json.hpp"
#include "tests/scenarios/small_scenario.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;
using namespace orrery::test;
using Catch::Matchers::Contains;

namespace {

std::size_t count(const std::string& text, const std::string& piece) {
  std::size_t n = 0;
  for (std::size_t at = text.find(piece); at != std::string::npos; at = text.find(piece, at + 1)) ++n;
  return n;
}

void check_page(const std::string& page) {
  CHECK(page.starts_with("<!DOCTYPE html>"));
  for (const char* tag : {"html", "head", "body", "main", "section", "table", "svg", "div", "tr", "td"})
    CHECK(count(page, std::string("<") + tag + ">") + count(page, std::string("<") + tag + " ") ==
          count(page, std::string("</") + tag + ">"));
  CHECK(count(page, "<script") == 0);
  CHECK(count(page, "src=") + count(page, "<link") + count(page, "@import") + count(page, "url(") == 0);
  CHECK(count(page, "\"nan") + count(page, ">nan") + count(page, "inf ") == 0);
}

}  // namespace

TEST_CASE("the report of a scenario is one page that stands alone") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario), page = folder.path("report.html");
  const Outcome outcome = run_orrery({"report", file, "-o", page});
  INFO(outcome.err);
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.out == "");
  const std::string html = read_text(page);
  check_page(html);
  for (const char* part : {"Where the iteration goes", "Compute by kernel", "Communication", "Memory at its peak",
                           "Energy per iteration", "Scenario", "tiny-gpt"})
    CHECK_THAT(html, Contains(part));
}

TEST_CASE("a result and the scenario it came from give the same page") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario), out = folder.path("out");
  REQUIRE(run_orrery({"run", file, "--out", out}).exit_code == 0);
  REQUIRE(run_orrery({"report", out, "-o", folder.path("a.html")}).exit_code == 0);
  REQUIRE(run_orrery({"report", out + "/result.json", "-o", folder.path("b.html")}).exit_code == 0);
  const auto body = [&](const char* name) {
    const std::string text = read_text(folder.path(name));
    return text.substr(text.find("</header>"));
  };
  CHECK(body("a.html") == body("b.html"));
}

TEST_CASE("several sizes of one model get a scaling section, two results a comparison") {
  const Folder folder;
  const std::string a = folder.write("a.json", small_scenario);
  const std::string b = folder.write("b.json", with(R"("data": 2)", R"("data": 4)"));
  const std::string two_nodes = read_text(b);
  folder.write("b.json", std::string(two_nodes)
                             .replace(two_nodes.find(R"("dgx-a100-80gb"})"), 16, R"("dgx-a100-80gb", "count": 2})")
                             .replace(two_nodes.find(R"("none")") + 12, 6, R"("single-switch")"));
  const Outcome outcome = run_orrery({"report", a, b, "-o", folder.path("r.html")});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const std::string html = read_text(folder.path("r.html"));
  check_page(html);
  CHECK_THAT(html, Contains("Overview") && Contains("Scaling") && Contains("strong scaling"));
  CHECK_THAT(html, Contains("what explains the change"));
}

TEST_CASE("the document of scale becomes a page with its sizes and both plots") {
  const Folder folder;
  const Outcome scale = run_orrery(
      {"scale", folder.write("small.json", small_scenario), "--devices", "4,6,8", "--json"});
  REQUIRE(scale.exit_code == 0);
  const Outcome outcome = run_orrery({"report", folder.write("s.json", scale.out), "-o", folder.path("r.html")});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const std::string html = read_text(folder.path("r.html"));
  check_page(html);
  CHECK_THAT(html, Contains("not possible") && Contains("scaling efficiency") && Contains("ideal"));
}

TEST_CASE("texts of a scenario cannot break the page") {
  const Folder folder;
  const std::string file = folder.write(
      "small.json", with(R"("cluster")", R"("name": "<script>alert(1)</script> & \"more\"", "cluster")"));
  REQUIRE(run_orrery({"report", file, "-o", folder.path("r.html")}).exit_code == 0);
  const std::string html = read_text(folder.path("r.html"));
  check_page(html);
  CHECK_THAT(html, Contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;more&quot;"));
}

TEST_CASE("report refuses in one line what is no result, and writes nothing then") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario), wrong = folder.write("wrong.json", "{}");
  const std::vector<std::vector<std::string>> calls = {
      {"report", wrong, "-o", folder.path("r.html")},
      {"report", file},
      {"report", "-o", folder.path("r.html")},
      {"report", file, "-o", file},
      {"report", file, "-o", folder.path()},
      {"report", folder.path("none.json"), "-o", folder.path("r.html")}};
  for (const auto& call : calls) {
    const Outcome outcome = run_orrery(call);
    INFO(outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK(count(outcome.err, "\n") == 1);
  }
  CHECK(folder.names() == std::vector<std::string>{"small.json", "wrong.json"});
  CHECK(read_text(file) == small_scenario);
}

TEST_CASE("the page sets the peak of the device with least room beside that device's capacity") {
  JobMetrics job;
  job.iteration_s = 1;
  job.devices = 2;
  job.feasible = true;
  job.memory_peak_bytes = 60e9;  // of a device with twice the room
  job.mean.memory_peak_bytes = 30e9;
  job.mean.memory_capacity_bytes = 40e9;
  CHECK_THAT(html_job(job), Contains("fits: 75.0 % of") && !Contains("150"));
}

TEST_CASE("a stacked bar is as long as its parts are of the whole") {
  const std::string bar = html_bar({{1, "#000", ""}, {2, "#111", ""}, {0, "#222", ""}}, 4);
  CHECK_THAT(bar, Contains(R"(x="0.00" width="250.00")") && Contains(R"(x="250.00" width="500.00")"));
  CHECK(count(bar, "<rect") == 2);
}
