#include <algorithm>
#include <cmath>

#include <catch2/catch.hpp>

#include "analysis/topology_facts_picture.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;
using Catch::Matchers::Contains;

namespace {

Cluster built(NodeModel node, int count, const char* fabric, int levels = 2) {
  ClusterSpec spec = nodes_of(std::move(node), count, fabric);
  spec.fabric.levels = levels;
  return build_cluster(spec);
}

std::size_t boxes_of(const TopologyPicture& picture, VertexKind kind) {
  return static_cast<std::size_t>(std::count_if(picture.boxes.begin(), picture.boxes.end(),
                                                [&](const PictureBox& box) { return box.kind == kind; }));
}

}  // namespace

TEST_CASE("a small machine is drawn part by part, without two boxes on one another") {
  std::vector<Cluster> clusters;
  clusters.push_back(built(switch_node(8, 8), 3, "fat-tree"));
  clusters.push_back(built(node_of("torus", 24, {2, 3, 4}, 6), 1, "none"));
  clusters.push_back(built(node_of("full-mesh", 8, {}, 7), 1, "none"));
  for (const Cluster& cluster : clusters) {
    const TopologyPicture picture = topology_picture(cluster);
    INFO(cluster.name);
    CHECK(boxes_of(picture, VertexKind::device) == cluster.fabric.device_count());
    for (std::size_t a = 0; a < picture.boxes.size(); ++a) {
      const PictureBox& one = picture.boxes[a];
      CHECK(one.x - picture.box_width / 2 >= 0);
      CHECK(one.x + picture.box_width / 2 <= picture.width);
      CHECK(one.y + picture.box_height / 2 <= picture.height);
      for (std::size_t b = 0; b < a; ++b) {
        const PictureBox& other = picture.boxes[b];
        CHECK((std::abs(one.x - other.x) >= picture.box_width - 1e-9 ||
               std::abs(one.y - other.y) >= picture.box_height - 1e-9));
      }
    }
  }
}

TEST_CASE("a large fat-tree is one box per role, however unevenly its last leaf is filled") {
  ClusterSpec spec = nodes_of(switch_node(8, 8), 203, "fat-tree");
  spec.fabric.levels = 3;
  const TopologyPicture picture = topology_picture(build_cluster(spec));
  CHECK(picture.roles);
  CHECK(picture.boxes.size() == 6);  // device, node switch, NIC, leaf, aggregation, core
  CHECK(picture.edges.size() == 5);
  const std::string svg = picture_svg(picture);
  CHECK_THAT(svg, Contains("x 1624") && Contains("1624 x 25.0 GB/s, nic"));
}

TEST_CASE("names are escaped in SVG and DOT, and every edge of DOT joins two of its boxes") {
  Cluster cluster = built(switch_node(4, 4), 2, "fat-tree", 1);
  cluster.name = "a<b> & \"c\"";
  const TopologyPicture picture = topology_picture(cluster);
  CHECK_THAT(picture_svg(picture), Contains("a&lt;b&gt; &amp; &quot;c&quot;") && !Contains("a<b>"));
  const std::string dot = picture_dot(picture);
  CHECK_THAT(dot, Contains("graph \"a<b> & \\\"c\\\"\""));
  for (const PictureEdge& edge : picture.edges) CHECK(std::max(edge.from, edge.to) < picture.boxes.size());
}

namespace {

// Right ends of the texts of an SVG must lie on its page.
void check_on_page(const TopologyPicture& picture) {
  for (const PictureEdge& edge : picture.edges) {
    const PictureText label = edge_label(picture, edge);
    CHECK(label.x + text_width(label.words) <= picture.width);
    CHECK(label.y <= picture.height);
  }
  for (const PictureText& entry : picture.legend) {
    CHECK(entry.x + text_width(entry.words) <= picture.width);
    CHECK(entry.y <= picture.height);
  }
}

const PictureEdge* edge_of(const TopologyPicture& picture, Condition condition) {
  for (const PictureEdge& edge : picture.edges)
    if (edge.condition == condition) return &edge;
  return nullptr;
}

}  // namespace

TEST_CASE("labels, legend and loops lie on the page, however long the names of links are") {
  ClusterSpec spec = nodes_of(switch_node(8, 8), 60, "dragonfly");
  spec.fabric.radix = 15;
  spec.pools[0].node.scale_up.link->name = "a-scale-up-link-with-a-name-that-takes-much-room-beside-its-line";
  spec.fabric.link = link("global-and-local-cables-of-a-dragonfly-that-are-called-so-at-length", 25e9, 1e-6);
  spec.pools.push_back({"other", with_nics(node_of("full-mesh", 8, {}, 7), 8), 20, {}, 1});
  spec.pools[1].node.scale_up.link->name = "another-kind-of-link";
  check_on_page(topology_picture(build_cluster(spec)));
}

TEST_CASE("hosts and memory stand below their own nodes, whose frames do not overlap") {
  NodeModel node = switch_node(4, 4);
  node.device.host_link.emplace();
  node.device.host_link->link = "pcie";
  node.device.host_link->bandwidth_per_direction = BytesPerSecond(50e9);
  ClusterSpec spec = nodes_of(node, 2, "single-switch");
  MemoryPoolSpec pool;
  pool.nodes = 2;
  pool.link = link("cxl", 30e9, 200e-9);
  pool.capacity = Bytes(256e9);
  spec.memory_pools = {pool};
  const TopologyPicture picture = topology_picture(build_cluster(spec));
  double first_right = 0, second_left = 1e9, lowest_device = 0;
  for (const PictureBox& box : picture.boxes) {
    if (box.node == 0) first_right = std::max(first_right, box.x + picture.box_width / 2);
    if (box.node == 1) second_left = std::min(second_left, box.x - picture.box_width / 2);
    if (box.kind == VertexKind::device) lowest_device = std::max(lowest_device, box.y);
  }
  CHECK(first_right < second_left);
  for (const PictureBox& box : picture.boxes)
    if (box.kind == VertexKind::memory || box.kind == VertexKind::host) CHECK(box.y > lowest_device);
}

TEST_CASE("slowed and failed cables and parts look so, in the picture of every part and in that of roles") {
  for (int nodes : {4, 40}) {
    ClusterSpec spec = nodes_of(switch_node(4, 4), nodes, "fat-tree");
    spec.fabric.ecmp = "hash";
    DegradedSpec spine, slow;
    spine.at = nodes == 4 ? "switch 4" : "switch 8";
    slow.at = "nic 0";
    slow.rate = 0.5;
    spec.fabric.radix = nodes == 4 ? 8 : 40;
    spec.degraded = {spine, slow};
    const TopologyPicture picture = topology_picture(build_cluster(spec));
    INFO(nodes << " nodes");
    CHECK(picture.roles == (nodes == 40));
    CHECK(edge_of(picture, Condition::failed) != nullptr);
    CHECK(edge_of(picture, Condition::slowed) != nullptr);
    CHECK(std::count_if(picture.boxes.begin(), picture.boxes.end(), [](const PictureBox& b) { return b.failed; }) == 1);
    CHECK_THAT(picture_svg(picture), Contains(">failed<") && Contains(">slowed<"));
    CHECK_THAT(picture_dot(picture), Contains("style=dotted") && Contains("style=dashed"));
    check_on_page(picture);
  }
}

TEST_CASE("several cables between two devices are counted beside their edge and drawn broader") {
  const TopologyPicture picture = topology_picture(built(node_of("hybrid-cube-mesh", 8, {}, 6), 1, "none"));
  CHECK(std::count_if(picture.edges.begin(), picture.edges.end(), [](const PictureEdge& e) { return e.cables == 2; }) ==
        8);
  CHECK_THAT(picture_dot(picture), Contains("2 x fast") && Contains("1 x fast"));
  CHECK_THAT(picture_svg(picture), Contains("stroke-width=\"2.6\""));
}
