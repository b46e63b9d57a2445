// SHA-256 (FIPS 180-4), as 64 hexadecimal digits: what names a sweep, a binary and a resolved scenario in a store.
// `sha256sum` gives the same.
#pragma once

#include <string>
#include <string_view>

namespace orrery {

std::string sha256(std::string_view bytes);

}  // namespace orrery
