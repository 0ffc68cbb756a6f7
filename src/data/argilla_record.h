// A record of an Argilla data set, whatever file it came in:
//
//   nested   records.json of SDK 2 (to_json, to_disk): {"id", "fields", "metadata", "suggestions":
//            {question: {value, score, agent}}, "responses": {question: [{value, user_id}]}}; and
//            Attune's own export, whose answers are lists
//   flat 2   data sets of SDK 2 (to_datasets, to_hub): "QUESTION.responses", ".responses.users",
//            ".responses.status", "QUESTION.suggestion", ".suggestion.agent"; fields and metadata
//            are columns of their own names
//   flat 1   data sets of SDK 1: "QUESTION": [{user_id, value, status}] (or the same as a dict of
//            lists), "QUESTION-suggestion", "QUESTION-suggestion-metadata"
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace attune::data {

struct ArgillaAnswer {
  std::string question;
  OrderedJson value;
  std::string user;    // a name or an id; may be empty
  std::string status;  // "submitted", "draft", "discarded"; empty where the file does not say
  std::string guideline_version;
};

struct ArgillaRecord {
  std::string id;
  OrderedJson fields = OrderedJson::object();    // flat layouts: and metadata
  OrderedJson metadata = OrderedJson::object();  // of nested layouts
  std::vector<ArgillaAnswer> answers;            // people's, in the file's order
  bool has_suggestions = false;
};

// By the columns.
bool is_argilla_record(const OrderedJson& row);
// Errors name the column.
Result<ArgillaRecord> parse_argilla_record(const OrderedJson& row);

}  // namespace attune::data
