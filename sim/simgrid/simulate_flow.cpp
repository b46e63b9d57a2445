#include "sim/simgrid/bytes.hpp"
#include "sim/simgrid/child.hpp"
#include "sim/simgrid/network.hpp"
#include "sim/simgrid/timeline_bytes.hpp"

namespace orrery {

Timeline simulate_flow(const Cluster& cluster, const CostModel& costs, Governor& governor,
                       std::span<JobDriver* const> drivers) {
  enum class Answer : char { timeline, more_links };
  std::size_t least_links = 0;
  while (true) {
    const std::string bytes = run_in_child([&] {
      ByteWriter writer;
      try {
        SimGridNetwork network(cluster.fabric, least_links);
        EngineCore core(cluster, costs, governor, drivers, &network);
        network.run(core);
        Timeline timeline = core.take_timeline();
        timeline.approximated_links = network.approximated_links();
        writer.value(Answer::timeline);
        return writer.take().append(to_bytes(timeline));
      } catch (const LinksUsedUp& lack) {
        writer.value(Answer::more_links);
        writer.value(lack.needed);
        return writer.take();
      }
    });
    ByteReader reader(bytes);
    if (reader.value<Answer>() == Answer::timeline)
      return timeline_from_bytes(std::string_view(bytes).substr(sizeof(Answer)));
    least_links = 2 * reader.value<std::size_t>();
  }
}

}  // namespace orrery
