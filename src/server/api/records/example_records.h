// Examples as records of a data set, for people to look at: what a model or another data set
// answered becomes a suggestion that annotators correct or confirm. Used by `attune import
// --dataset` and by the import endpoint.
//
//   prompt, prompt+completion   field `prompt` (text, or chat where it is a conversation), question
//                               `response`; the completion is its suggestion
//   messages                    the same: the last turn is the completion where the assistant's
//   preference, ranking         fields `prompt`, `response-1`..`response-K`, question `preference`
//                               (a ranking of these); ranks are its suggestion
//   text                        field `prompt`
//
// Licence, data set, row, generator and what authors ask go into the metadata licence,
// source_dataset, source_row, generated_by and warning, from where exports give them back. Forms
// without a prompt are refused by name.
//
// The external id, by which a row that comes again changes its record, is DATASET:ROW where the
// data set names its rows, else [DATASET:]ID of a row with an "id", else [DATASET:]HASH of what the
// record shows (docs/decisions/0071-rows-without-names.md).
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "data/example.h"
#include "server/domain/dataset.h"

namespace attune::api {

// What the data set must hold for these examples; a chat prompt or a text one, K candidates or
// none.
struct RecordLayout {
  bool chat = false;
  size_t candidates = 0;
  bool operator==(const RecordLayout&) const = default;
};
Result<RecordLayout> layout_of(const data::Example& example);

// What a data set that is there can hold of examples, and the question that their answers are
// suggested for. Errors: kInvalidInput where it is not made for any.
struct ExampleTarget {
  RecordLayout layout;
  std::string question_id;
};
Result<ExampleTarget> target_of(const domain::Schema& schema);

// {"name","title","required","settings"} of each, as the server takes them.
std::vector<OrderedJson> fields_of(const RecordLayout& layout);
std::vector<OrderedJson> questions_of(const RecordLayout& layout);
// {"fields","metadata","external_id","suggestions"}; `question_id` is that of the one question.
// Of an example whose layout was asked before and fits.
OrderedJson record_of(const data::Example& example, const RecordLayout& layout,
                      const std::string& question_id);
// The same, and kInvalidInput where the example does not fit.
Result<OrderedJson> fitting_record(const data::Example& example, const RecordLayout& layout,
                                   const std::string& question_id);

// Several examples of one row: the second and further ones get "#2" and on behind their external
// id. Keeps a number for each id that came, not the id.
class ExternalIds {
 public:
  void tell_apart(OrderedJson& record);

 private:
  std::unordered_map<size_t, int> times_;  // that an id came, by its hash
};

}  // namespace attune::api
