// Examples into a feedback server's data set, for people to look at: what a model or another data
// set answered becomes a suggestion that annotators correct or confirm.
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
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "cli/server_dataset.h"
#include "data/example.h"

namespace attune::cli {

// What the data set must hold for these examples; a chat prompt or a text one, K candidates or
// none.
struct ServerLayout {
  bool chat = false;
  size_t candidates = 0;
  bool operator==(const ServerLayout&) const = default;
};
Result<ServerLayout> layout_of(const data::Example& example);

// {"name","title","required","settings"} of each, as the server takes them.
std::vector<OrderedJson> fields_of(const ServerLayout& layout);
std::vector<OrderedJson> questions_of(const ServerLayout& layout);
// {"fields","metadata","external_id","suggestions"}; `question_id` is that of the one question.
OrderedJson record_of(const data::Example& example, const ServerLayout& layout,
                      const std::string& question_id);

// Sends examples in batches. Where the server does not have the data set it is made, and published,
// so that the first batch fits (the most candidates of an example, a chat where one is); every
// further example must fit too. Sending a file again changes the records that it made: they carry
// external ids (data set and row; with "#2" and on for further examples of one row).
class ServerImport {
 public:
  static Result<std::unique_ptr<ServerImport>> open(const std::string& address);
  Status add(const data::Example& example);
  // Sends what is left. Gives the number of records sent.
  Result<int64_t> finish();

 private:
  ServerImport(ServerDataset dataset, ServerClient client)
      : dataset_(std::move(dataset)), client_(std::move(client)) {}
  Status begin();
  Status prepare(const ServerLayout& layout);
  Status put(const data::Example& example);
  Status create(const ServerLayout& layout);
  Status send();

  ServerDataset dataset_;
  ServerClient client_;
  std::string id_, question_id_;
  std::optional<ServerLayout> layout_;
  std::vector<data::Example> waiting_;  // until the layout is known
  std::vector<OrderedJson> batch_;
  std::unordered_map<std::string, int> times_;  // that an external id came
  int64_t sent_ = 0;
};

}  // namespace attune::cli
