// A SimGrid platform description (XML, version 4.1; the tags of 4.0 too) as a graph of links and the routes of its zones.
// Understood: zones with Full, Floyd and Dijkstra routing (the fewest links), nested and joined by zoneRoute through
// gateways; hosts, routers, links (SHARED: both directions share its bandwidth; SPLITDUPLEX: each has its own; FATPIPE:
// limits nobody else), routes with link_ctn, one-way or symmetrical; clusters of the flat kind (a private link per host, an
// optional backbone), also written out as a zone with Cluster routing (host_link, backbone), and torus clusters (a link to the
// next host along each dimension, dimension-order routes). Speeds, disks, profiles and properties are nothing to a network
// and passed over.
// Refused: fat-tree and dragonfly clusters (families of their own here), limiter links, coordinates (Vivaldi), bypass
// routes, several outermost zones (nothing joins them).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/units.hpp"

namespace orrery {

enum class SharingPolicy { shared, split_duplex, fat_pipe };

struct PlatformLink {
  std::string name;
  BytesPerSecond bandwidth{0};
  Seconds latency{0};
  SharingPolicy policy = SharingPolicy::shared;
};

struct LinkStep {  // a link on a route; `down`: the second direction of a split one
  std::size_t link = 0;
  bool down = false;
};

class Platform {
 public:
  // A file, or what is in it (from its first '<' on). Throws SpecError naming the file and the line where it is not understood.
  explicit Platform(const std::string& file);

  const std::vector<std::string>& hosts() const { return hosts_; }  // in the order of the file
  const std::vector<PlatformLink>& links() const { return links_; }
  // Between two hosts; computed on demand. Throws SpecError where the file gives no route.
  std::vector<LinkStep> route(std::size_t from, std::size_t to) const;

 private:
  friend class PlatformReader;
  struct Edge {  // a route or zoneRoute between two members of a zone
    std::vector<LinkStep> links;
    std::size_t gateway_from = 0, gateway_to = 0;  // netpoints: the ends themselves where they are no zones
  };
  struct Zone {
    bool searched = false;  // Floyd, Dijkstra: routes are edges of a graph
    bool flat_cluster = false;
    std::size_t as_point = none;                                // that stands for it in the zone around it
    std::map<std::pair<std::size_t, std::size_t>, Edge> edges;  // by members (netpoints)
    std::vector<LinkStep> backbone;                             // of a cluster
    std::map<std::size_t, std::pair<LinkStep, LinkStep>>
        private_link;                      // of a cluster: by netpoint of the host, up and down
    std::vector<std::size_t> torus;        // its dimensions; the hosts are numbered from
    std::size_t first_host = 0;            // this netpoint, the first dimension fastest
    std::vector<std::size_t> torus_links;  // by host and dimension: to the next one up
  };
  struct NetPoint {
    std::string name;
    std::size_t zone = 0;  // that it lies in
  };
  static constexpr std::size_t none = ~std::size_t{0};

  std::vector<std::size_t> zones_of(std::size_t point) const;  // innermost first
  std::size_t member_in(std::size_t point, std::size_t zone) const;
  void append_route(std::size_t from, std::size_t to, std::vector<LinkStep>& steps) const;
  void append_in_zone(const Zone&, std::size_t from, std::size_t to, std::size_t a, std::size_t b,
                      std::vector<LinkStep>& steps) const;
  void append_on_torus(const Zone&, std::size_t a, std::size_t b, std::vector<LinkStep>& steps) const;
  std::vector<const Edge*> edges_between(const Zone&, std::size_t a, std::size_t b) const;

  std::string file_;
  std::vector<std::string> hosts_;
  std::vector<std::size_t> host_points_;
  std::vector<NetPoint> points_;
  std::vector<Zone> zones_;
  std::vector<PlatformLink> links_;
};

}  // namespace orrery
