#include "sim/printable.hpp"

#include <fmt/format.h>

namespace orrery {

namespace {

unsigned byte(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

// How many bytes of `text` at `at` are one control character, 0 when it is none.
std::size_t control_at(std::string_view text, std::size_t at) {
  if (byte(text, at) < 0x20 || byte(text, at) == 0x7F) return 1;
  const bool c1 = byte(text, at) == 0xC2 && at + 1 < text.size() && byte(text, at + 1) >= 0x80 &&
                  byte(text, at + 1) < 0xA0;
  return c1 ? 2 : 0;
}

std::string_view cut(std::string_view text, std::size_t longest) {
  if (text.size() <= longest) return text;
  while (longest > 0 && (byte(text, longest) & 0xC0U) == 0x80U) --longest;
  return text.substr(0, longest);
}

}  // namespace

bool has_control_characters(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i)
    if (control_at(text, i) > 0) return true;
  return false;
}

std::string printable(std::string_view text, std::size_t longest, std::string_view also) {
  const std::string_view kept = cut(text, longest);
  std::string result;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const std::size_t control = control_at(kept, i);
    if (control > 0) {
      result += fmt::format("\\u{:04x}", byte(kept, i + control - 1));  // the second byte of a C1 is its number
      i += control - 1;
    } else {
      if (also.find(kept[i]) != std::string_view::npos) result += '\\';
      result += kept[i];
    }
  }
  return kept.size() < text.size() ? result + "..." : result;
}

}  // namespace orrery
