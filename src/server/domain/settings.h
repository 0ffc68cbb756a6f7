// The rules of a data set's settings that lie between its parts: what may be added, changed and
// published when. What a request must look like (types, lengths, numbers of options) is read by
// api/datasets/settings_reader.h, which gives settings in their stored form:
//
//   field     {"type":"text","use_markdown"} {"type":"image"} {"type":"chat","use_markdown"}
//             {"type":"custom","template","advanced_mode"}
//   question  {"type":"text","use_markdown"} {"type":"rating","options":[{"value"}]}
//             {"type":"label_selection","options":[{"value","text","description"}],
//             "visible_options"}, multi_label_selection with "options_order" behind that,
//             {"type":"ranking","options"} and, where it may be left in part, "allow_partial":true,
//             {"type":"span","field","options","visible_options","allow_overlapping",
//             "allow_character_annotation"}
//   metadata  {"type":"terms","values"} {"type":"integer"|"float","min","max"}
//
// Every key is always there (null where nothing was said): the SDKs index them. An error is
// kInvalidInput, or kConflict for a name that is taken, with the contract's text.
#pragma once

#include "base/json.h"
#include "base/result.h"
#include "server/domain/dataset.h"

namespace attune::domain {

inline constexpr size_t kVectorsMax = 5;
// Options of a question: labels of spans and label questions, ranked ones, steps of a scale.
inline constexpr size_t kLabelsMax = 500, kRankedMax = 50, kRatingsMax = 11;

// Into a data set that has these settings. A new field or question is refused once it is published
// (evolution.h is for that); metadata and vectors are not.
Status check_new_field(const Schema& schema, const Field& field);
Status check_new_question(const Schema& schema, const Question& question);
Status check_new_metadata_property(const Schema& schema, const MetadataProperty& property);
Status check_new_vector(const Schema& schema, const VectorSettings& vector);

Status check_field_deletion(const Schema& schema, const Field& field);
Status check_question_deletion(const Schema& schema);

// A span question marks a text field, one question for each field.
Status check_span_question(const Schema& schema, const Question& question);

// Draft, with a field and a required question.
Status check_publishable(const Schema& schema);

// The settings once `change` (an object with `type` and what else is to change) was put over them.
// The type stays, and so do the values of options: their order and texts may change. Overlaps of
// spans can be allowed, not forbidden. Options of ratings and rankings are not changed here.
Result<OrderedJson> changed_field_settings(const Field& field, const OrderedJson& change);
Result<OrderedJson> changed_question_settings(const Question& question, const OrderedJson& change);

}  // namespace attune::domain
