// Reads the XML of a SimGrid platform into a Platform. Quantities as SimGrid writes them: "1.25GBps", "10Gbps", "50us". Assumes
// versions 4 and 4.1 of the format (simgrid.org, XML reference); others, and cluster topologies but flat and torus, are refused.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include <pugixml.hpp>

#include "topologies/platform_xml.hpp"

namespace orrery {

class PlatformReader {
 public:
  explicit PlatformReader(Platform& platform) : p_(platform) {}
  void read();

 private:
  [[noreturn]] void refuse(const pugi::xml_node&, std::string expected, std::string found) const;
  std::string line_of(const pugi::xml_node&) const;
  std::string attribute(const pugi::xml_node&, const char* name) const;
  double bandwidth(const pugi::xml_node&, const char* name) const;
  double latency(const pugi::xml_node&, const char* name) const;
  SharingPolicy policy(const pugi::xml_node&, const char* name, const char* otherwise) const;

  std::size_t add_point(const pugi::xml_node&, const std::string& name, std::size_t zone);
  void stand_for(std::size_t point, std::size_t zone);
  // Whether a point that is no zone is this member of a zone, or lies in it.
  bool is_in(std::size_t point, std::size_t member) const;
  std::size_t add_link(const pugi::xml_node&, PlatformLink);
  void read_zone(const pugi::xml_node&, std::size_t outer);
  void read_cluster(const pugi::xml_node&, std::size_t outer);
  void read_torus(const pugi::xml_node&, std::size_t zone, const PlatformLink& port);
  void read_host_link(const pugi::xml_node&, std::size_t zone);
  void read_route(const pugi::xml_node&, std::size_t zone, bool of_zones);
  void check_end(const pugi::xml_node&, std::size_t zone, std::size_t member, std::size_t gateway,
                 const char* name) const;
  std::size_t point(const pugi::xml_node&, const char* name) const;

  Platform& p_;
  std::string text_;
  std::map<std::string, std::size_t> point_of_, link_of_;
  std::set<std::size_t> zone_points_;  // that stand for zones
};

}  // namespace orrery
