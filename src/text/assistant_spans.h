// Which bytes of a rendered conversation the assistant wrote, for templates that do not mark them.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace attune::text {

// The rendering of the first `count` messages, with or without a generation prompt.
using RenderPrefix = std::function<Result<std::string>(size_t count, bool generation_prompt)>;

// For each message i of the role "assistant", what render(i + 1, false) has more than
// render(i, true). kInvalidInput names the message for which a prefix of the conversation is not a
// prefix of the text, as when a template drops reasoning from earlier turns.
Result<std::vector<std::pair<size_t, size_t>>> find_assistant_spans(const OrderedJson& messages,
                                                                    std::string_view text,
                                                                    std::string_view eos_token,
                                                                    const RenderPrefix& render);

}  // namespace attune::text
