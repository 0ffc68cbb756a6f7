// The words of the contract's schema mistakes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace attune::api {

// Why a text is no UUID: "Input should be a valid UUID, invalid length: expected length 32 for
// simple format, found 3".
std::string why_no_id(std::string_view text);

// "'a', 'b' or 'c'"
std::string quoted_choice(const std::vector<std::string>& options);

// The tags of a union: "'a', 'b'", or "<Kind.a: 'a'>, <Kind.b: 'b'>" where the contract shows the
// enumeration's name.
std::string tag_list(const std::vector<std::string>& tags, std::string_view enumeration);

}  // namespace attune::api
