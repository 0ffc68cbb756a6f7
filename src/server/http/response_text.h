// A response as bytes.
#pragma once

#include <string>
#include <string_view>

#include "server/http/message.h"

namespace attune::http {

std::string_view reason_of(int status);

enum class Framing { kLength, kChunks, kUntilClose };

// The status line and header with the empty line behind it. Content-Length (for kLength, unless the
// status has no body), Date and Connection are ours; controls in a header's value become spaces,
// so that a value from outside cannot begin a header of its own.
std::string head_text(const Response& response, Framing framing, bool keep_alive);

bool has_no_body(int status);  // 1xx, 204, 304

// {"detail": text}, for what is refused before a handler sees it.
Response refusal(int status, std::string_view text);

}  // namespace attune::http
