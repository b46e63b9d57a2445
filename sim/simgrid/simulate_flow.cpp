#include <optional>

#include "sim/engine_core.hpp"
#include "sim/simgrid/child.hpp"
#include "sim/simgrid/network.hpp"
#include "sim/simgrid/timeline_bytes.hpp"

namespace orrery {

Timeline simulate_flow(const Cluster& cluster, const CostModel& costs, Governor& governor,
                       std::span<JobDriver* const> drivers) {
  enum class Answer : char { timeline, more_links };
  std::size_t least_links = 0;
  std::optional<Timeline> timeline;
  while (!timeline) {
    const auto simulate = [&](ByteWriter& writer) {
      try {
        SimGridNetwork network(cluster.fabric, least_links);
        EngineCore core(cluster, costs, governor, drivers, &network);
        network.run(core);
        Timeline result = core.take_timeline();
        result.approximated_links = network.approximated_links();
        writer.value(Answer::timeline);
        write(writer, result);
      } catch (const LinksUsedUp& lack) {
        writer.value(Answer::more_links);
        writer.value(lack.needed);
      }
    };
    run_in_child(simulate, [&](ByteReader& reader) {
      if (reader.value<Answer>() == Answer::timeline)
        timeline = read_timeline(reader);
      else
        least_links = 2 * reader.value<std::size_t>();
    });
  }
  return std::move(*timeline);
}

}  // namespace orrery
