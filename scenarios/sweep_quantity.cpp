#include "scenarios/sweep_quantity.hpp"

#include <charconv>

namespace orrery {

std::optional<ReadQuantity> read_quantity(std::string_view text) {
  ReadQuantity quantity;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), quantity.number);
  if (error != std::errc()) return {};
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  if (unit.empty()) return {};
  quantity.unit = unit;
  for (int d = 0; d <= static_cast<int>(Dimension::money_per_energy); ++d) {
    quantity.dimension = static_cast<Dimension>(d);
    if (const auto base = parse_quantity(text, quantity.dimension)) {
      quantity.base = *base;
      return quantity;
    }
  }
  return {};
}

}  // namespace orrery
