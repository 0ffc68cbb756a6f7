// What a record may hold and what may be answered, given its data set's schema. Pure rules: no I/O.
// An error is kInvalidInput with the contract's text; whoever checks a batch puts before it what
// the contract puts there:
//
//   checked.error().with_context("record does not have valid responses")  // adds ": "
//
// The checks that take a value by reference also bring it to the stored form, the one that every
// reader gets: unknown keys dropped, rankings sorted by rank. After an error the value is
// undefined. Lengths and offsets count Unicode characters.
#pragma once

#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "server/domain/dataset.h"
#include "server/domain/record.h"

namespace attune::domain {

inline constexpr size_t kChatMessagesMax = 500;
inline constexpr size_t kChatRoleCharactersMax = 20;
inline constexpr size_t kChatContentCharactersMax = 20'000;
inline constexpr size_t kImageWebUrlCharactersMax = 2038;
inline constexpr size_t kImageDataUrlCharactersMax = 5'000'000;
inline constexpr size_t kSpansMax = 10'000;

// The fields of a new record: an object with at least one member, no name that is not configured,
// every required one present and not null, each of its type. An empty text is a text.
Status check_record_fields(const Schema& schema, const OrderedJson& fields);

// null or an object. Declared properties must fit (null is always allowed): a term, or a list of
// them, from the declared ones, where some are declared; an integer for `integer`; any number for
// `float`; both within min and max. Others need allow_extra_metadata.
// The text begins with "metadata is not valid: ".
Status check_metadata(const Schema& schema, const OrderedJson& metadata);

// null or an object {"name":[numbers]}: known vectors of the right length.
Status check_vectors(const Schema& schema, const OrderedJson& vectors);

// `value` as a suggestion or answer to `question`, about a record with these fields (spans lie
// within one). A ranking without any ranks is ranked by its order.
Status check_answer(const Question& question, const OrderedJson& fields, OrderedJson& value);

// As check_answer; `score` is null, a number from 0 to 1, or, where the value is a list, one such
// number for each item. Scores move with their items where a ranking is sorted.
Status check_suggestion(const Question& question, const OrderedJson& fields, OrderedJson& value,
                        OrderedJson& score);

// `values` {"question":{"value":...}} as a response of this status; null becomes {}. A submitted
// one answers every required question, and a ranking in it ranks each option from 1 to their
// number, ties allowed (with the setting `allow_partial`, some options may stay without a rank).
// A draft or discarded one may be empty and leave what it likes out.
Status check_response(const Schema& schema, ResponseStatus status, const OrderedJson& fields,
                      OrderedJson& values);

}  // namespace attune::domain
