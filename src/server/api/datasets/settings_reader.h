// The settings of fields, questions and metadata properties as a request writes them, checked and
// brought to their stored form (domain/settings.h). Mistakes are noted in the reader's list under
// ["body","settings",TYPE,...]; what comes back is good once body.done() is.
#pragma once

#include "base/json.h"
#include "server/api/schema_check.h"

namespace attune::api {

// What is done about keys that nobody asks for: SDKs send some, and people mistype.
enum class UnknownKeys { kIgnored, kRefused };

// Of something new: what is left out gets its default.
OrderedJson read_field_settings(SchemaReader& body, UnknownKeys unknown);
OrderedJson read_question_settings(SchemaReader& body, UnknownKeys unknown);
OrderedJson read_metadata_settings(SchemaReader& body);

// Of a change: `type` and the keys that were given, or null where the body has no settings. What
// they mean for the settings there are is domain::changed_field_settings' matter, and
// changed_question_settings'.
OrderedJson read_field_settings_change(SchemaReader& body);
OrderedJson read_question_settings_change(SchemaReader& body);

// One option more of a question that has these (evolution after publishing): {"value"} of a rating,
// {"value","text","description"} of the others.
OrderedJson read_option(SchemaReader& option, bool rating);

}  // namespace attune::api
