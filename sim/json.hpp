// The one door to the JSON library. Documents are read through a SAX handler with limits, because the library's own DOM
// parser keeps the last of duplicate keys silently and overflows the stack on deep nesting.
// Refused with one SpecError: unreadable or empty files, directories, syntax errors (line and column), duplicate keys,
// nesting past 64 levels, files past 64 MiB, integers past 64 bits (a double would round them), numbers past double range,
// NaN and infinities.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace orrery {

using Json = nlohmann::ordered_json;

Json read_json(const std::filesystem::path& file);
Json parse_json(std::string_view text, const std::string& name_in_messages);

// "/a/b" + "c" with RFC 6901 escaping.
std::string pointer_to(std::string_view parent, std::string_view key);

}  // namespace orrery
