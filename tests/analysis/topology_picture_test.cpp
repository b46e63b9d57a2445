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
