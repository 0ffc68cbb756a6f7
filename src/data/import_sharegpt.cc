// Conversations as ShareGPT's users exported them, {"conversations": [{"from", "value"}]}, and what
// LLaMA-Factory made of that layout: pairs ({"conversations", "chosen", "rejected"}, or
// {"chosen_messages", "rejected_messages"}) and thumbs ({"messages", "label"}).

#include <algorithm>

#include "data/import_answers.h"
#include "data/import_columns.h"
#include "data/import_readers.h"

namespace attune::data {
namespace {

const char* conversation_column(const OrderedJson& row) {
  return find_column(row, "messages") != nullptr ? "messages" : "conversations";
}

Messages joined(const Messages& conversation, Messages answer) {
  Messages whole = conversation;
  for (Message& turn : answer) whole.push_back(std::move(turn));
  return whole;
}

}  // namespace

Status read_sharegpt(const OrderedJson& row, const ImportOptions&, ImportSink& sink) {
  Example example;
  example.form = Form::kMessages;
  example.messages = TRY(messages_column(row, "conversations"));
  TRY(take_id(row, example));
  keep_other_columns(row, {"id", "conversations"}, example);
  const auto is_answer = [](const Message& turn) { return turn.role == "assistant"; };
  if (std::none_of(example.messages.begin(), example.messages.end(), is_answer)) {
    sink.drop("a conversation without an answer");
    return {};
  }
  if (is_answer(example.messages.front())) sink.note("the conversation begins with an answer");
  if (!is_answer(example.messages.back())) sink.note("the conversation does not end in an answer");
  return sink.keep(std::move(example));
}

Status read_sharegpt_pair(const OrderedJson& row, const ImportOptions&, ImportSink& sink) {
  Example example;
  TRY(take_id(row, example));
  if (find_column(row, "chosen_messages") != nullptr) {
    Messages chosen = TRY(messages_column(row, "chosen_messages"));
    Messages rejected = TRY(messages_column(row, "rejected_messages"));
    keep_other_columns(row, {"id", "chosen_messages", "rejected_messages"}, example);
    return keep_conversation_pair(std::move(example), std::move(chosen), std::move(rejected),
                                  sink);
  }
  const char* column = conversation_column(row);
  const Messages conversation = TRY(messages_column(row, column));
  Messages chosen = joined(conversation, TRY(messages_column(row, "chosen")));
  Messages rejected = joined(conversation, TRY(messages_column(row, "rejected")));
  keep_other_columns(row, {"id", column, "chosen", "rejected"}, example);
  return keep_conversation_pair(std::move(example), std::move(chosen), std::move(rejected), sink);
}

Status read_conversation_thumb(const OrderedJson& row, const ImportOptions&, ImportSink& sink) {
  const char* column = conversation_column(row);
  const char* thumb = find_column(row, "kto_tag") != nullptr ? "kto_tag" : "label";
  const OrderedJson* label = find_column(row, thumb);
  if (label == nullptr || !label->is_boolean()) {
    return invalid_input("\"{}\" must be true or false", thumb);
  }
  Messages conversation = TRY(messages_column(row, column));
  if (conversation.size() < 2 || conversation.back().role != "assistant") {
    sink.drop("a conversation does not end with an answer");
    return {};
  }
  Example example;
  TRY(take_id(row, example));
  example.form = Form::kUnpaired;
  example.completion = Messages{std::move(conversation.back())};
  conversation.pop_back();
  example.prompt = std::move(conversation);
  example.label = label->get<bool>();
  keep_other_columns(row, {"id", column, thumb}, example);
  return sink.keep(std::move(example));
}

}  // namespace attune::data
