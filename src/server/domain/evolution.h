// What may be added to a data set that is published: records and answers that are there stay valid
// as they are, so nothing is taken away and nothing new is asked of them.
#pragma once

#include <cstdint>
#include <optional>

#include "base/json.h"
#include "base/result.h"
#include "server/domain/dataset.h"

namespace attune::domain {

// A field of a published data set is optional: the records there are lack it.
Status check_added_field(const Schema& schema, const Field& field);
// A question may be required: answers that were submitted before keep their status, new ones need
// it.
Status check_added_question(const Schema& schema, const Question& question);

// The settings with one option more, at the end or, where `at` is given, before the option that
// stands there. Rankings that were given before lack it; labels and ratings are not touched.
// Errors: a question without options, an option there is already, more than the kind allows.
Result<OrderedJson> settings_with_option(const Question& question, const OrderedJson& option,
                                         std::optional<int64_t> at);

}  // namespace attune::domain
