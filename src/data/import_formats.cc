// The table of published layouts. A new one is an entry here, and a reader where none that is there
// fits; docs/formats/import.md says what becomes of each column.

#include <algorithm>
#include <initializer_list>

#include "data/argilla_record.h"
#include "data/import_columns.h"
#include "data/import_readers.h"

namespace attune::data {
namespace {

using Columns = std::initializer_list<const char*>;

bool has_all(const OrderedJson& row, const std::vector<const char*>& names) {
  return row.is_object() && std::all_of(names.begin(), names.end(),
                                        [&](const char* name) { return row.contains(name); });
}

bool has_any(const OrderedJson& row, Columns names) {
  return row.is_object() && std::any_of(names.begin(), names.end(),
                                        [&](const char* name) { return row.contains(name); });
}

// Rows with all of these columns.
std::function<bool(const OrderedJson&)> columns(Columns names) {
  return [all = std::vector<const char*>(names)](const OrderedJson& row) {
    return has_all(row, all);
  };
}

bool begins_as_transcript(const OrderedJson& row, const char* name) {
  const OrderedJson* value = find_column(row, name);
  return value != nullptr && value->is_string() &&
         value->get_ref<const std::string&>().starts_with("\n\nHuman:");
}

bool is_list_of_objects(const OrderedJson& row, const char* name) {
  const OrderedJson* value = find_column(row, name);
  return value != nullptr && value->is_array() && !value->empty() && (*value)[0].is_object();
}

bool is_oasst(const OrderedJson& row) {
  return has_all(row, {"message_tree_id", "prompt"}) || has_all(row, {"thread_id"}) ||
         has_all(row, {"message_id", "role"});
}

bool is_hh_rlhf(const OrderedJson& row) {
  return begins_as_transcript(row, "prompt") ||
         (begins_as_transcript(row, "chosen") && begins_as_transcript(row, "rejected"));
}

bool is_binarized(const OrderedJson& row) {
  return is_list_of_objects(row, "chosen") && is_list_of_objects(row, "rejected") &&
         has_any(row, {"score_chosen", "chosen-rating"});
}

bool is_webgpt(const OrderedJson& row) {
  if (row.is_array()) return row.size() == 2 && has_all(row[0], {"question", "answer", "score"});
  return has_all(row, {"question", "answer_0", "answer_1", "score_0", "score_1"});
}

bool is_helpsteer_preference(const OrderedJson& row) {
  return has_all(row, {"prompt", "response_1", "response_2", "preference_strength"}) ||
         has_all(row, {"context", "response1", "response2", "overall_preference"});
}

bool is_sharegpt_pair(const OrderedJson& row) {
  return has_all(row, {"chosen_messages", "rejected_messages"}) ||
         (has_all(row, {"chosen", "rejected"}) && has_any(row, {"conversations", "messages"}) &&
          !is_binarized(row));
}

bool is_thumb(const OrderedJson& row) {
  const OrderedJson* label = find_column(row, "kto_tag");
  if (label == nullptr) label = find_column(row, "label");
  return label != nullptr && label->is_boolean() && !has_all(row, {"prompt"}) &&
         (is_list_of_objects(row, "messages") || is_list_of_objects(row, "conversations"));
}

bool is_sharegpt(const OrderedJson& row) {
  return is_list_of_objects(row, "conversations") && has_all(row["conversations"][0], {"from"}) &&
         !is_sharegpt_pair(row) && !is_thumb(row);
}

bool is_alpaca_eval(const OrderedJson& row) {
  return has_all(row, {"instruction", "output", "generator"}) ||
         has_all(row, {"instruction", "output_1", "output_2", "generator_1", "generator_2"});
}

bool is_alpaca_farm(const OrderedJson& row) {
  return has_all(row, {"instruction", "output_1", "output_2", "preference"}) &&
         !is_alpaca_eval(row);
}

bool is_alpaca(const OrderedJson& row) {
  return has_all(row, {"instruction", "output"}) &&
         !has_any(row, {"context", "response", "generator"});
}

bool is_gpteacher(const OrderedJson& row) {
  return has_all(row, {"instruction", "input", "response"}) && !has_any(row, {"context"});
}

bool is_gpt4all(const OrderedJson& row) {
  return has_all(row, {"prompt", "response", "source"});
}

constexpr const char* kOffends =
    "holds text that is meant to offend: keep it out of demonstrations";
constexpr const char* kWithoutItsText =
    "holds neither the story nor the question: use it to measure agreement";
constexpr const char* kNotForTraining =
    "its authors ask that nobody trains on it: use it to measure agreement";

constexpr const char* kForResearch =
    "its authors ask that models trained on it are not used outside of research";
constexpr const char* kEvaluates =
    "its instructions are those of a leader board: a model trained on them cannot be judged by it";

// Several answers to one prompt: what people, or models in their place, said of them.
std::vector<ImportFormat> judged_formats() {
  return {
      {"oasst", "Open Assistant: trees, threads or messages -> a ranking for each set of replies",
       {"OASST1", "", "Apache-2.0", "people", "holds text that offends"}, is_oasst, nullptr,
       make_oasst_importer},
      {"hh_red_team", "Anthropic's red team: a transcript and how harmful it became -> messages",
       {"HH-RLHF red team", "", "MIT", "Anthropic's models of 2022", kOffends},
       columns({"transcript", "min_harmlessness_score_transcript"}), read_hh_red_team},
      {"hh_rlhf", "Anthropic HH: two transcripts -> a pair after their common turns",
       {"HH-RLHF", "", "MIT", "Anthropic's models of 2022", kOffends}, is_hh_rlhf, read_hh_rlhf},
      {"pandalm", "PandaLM's test set: two answers -> a ranking for each of its three annotators",
       {"PandaLM test set", "", "Apache-2.0", "",
        "the authors of its instructions ask that nobody trains on them: use it to measure "
        "agreement"},
       columns({"response1", "response2", "annotator1"}), read_pandalm},
      {"summarize_from_feedback",
       "OpenAI's comparisons of summaries -> pairs; its axis evaluations -> judged completions",
       {"summarize_from_feedback", "", "Modified MIT; TL;DR texts CC BY 4.0", ""},
       [](const OrderedJson& row) {
         return has_all(row, {"info"}) && has_any(row, {"summaries", "summary"});
       },
       read_summarize},
      {"ultrafeedback", "UltraFeedback: rated answers -> a ranking with scores and axes",
       {"UltraFeedback", "", "MIT", ""}, columns({"instruction", "completions", "models"}),
       read_ultrafeedback},
      {"ultrafeedback_binarized", "UltraFeedback's best and another: two conversations -> a pair",
       {"UltraFeedback, binarised", "", "MIT", "many models, gpt-4 among them"}, is_binarized,
       read_ultrafeedback_binarized},
      {"gpt4_llm_comparisons", "GPT-4-LLM's comparisons: scored answers -> a ranking with ties",
       {"GPT-4-LLM comparisons", "", "CC BY-NC 4.0", "gpt-4 and other models"},
       [](const OrderedJson& row) {
         return has_all(row, {"user_input"}) &&
                has_any(row, {"responses_and_scores", "completion_a"});
       },
       read_gpt4_comparisons},
      {"alpaca_farm", "AlpacaFarm: two answers, and which people or models preferred -> a ranking",
       {"AlpacaFarm", "", "CC BY-NC 4.0", "models trained on Alpaca", kForResearch},
       is_alpaca_farm, read_alpaca_farm},
      {"alpaca_eval", "AlpacaEval: annotations -> a ranking; a model's outputs -> completions",
       {"AlpacaEval", "", "CC BY-NC 4.0", "", kEvaluates}, is_alpaca_eval, read_alpaca_eval},
      {"webgpt", "WebGPT's comparisons: two answers with scores -> a ranking, tied at zero",
       {"WebGPT comparisons", "", "", "WebGPT (gpt-3)"}, is_webgpt, read_webgpt},
      {"shp", "Stanford Human Preferences: two comments of a post -> a ranking",
       {"SHP", "", "", "people", "texts of Reddit, whose terms apply"},
       columns({"history", "human_ref_A", "human_ref_B", "labels"}), read_shp},
      {"helpsteer_preference", "HelpSteer 2 and 3: two answers with a strength -> a ranking",
       {"HelpSteer", "", "CC BY 4.0", ""}, is_helpsteer_preference, read_helpsteer_preference},
      {"helpsteer", "HelpSteer 1 and 2: a rated answer -> a completion with axes, per annotator",
       {"HelpSteer", "", "CC BY 4.0", ""},
       columns({"prompt", "response", "helpfulness", "verbosity"}), read_helpsteer},
      {"squality", "SQuALITY's evaluation: ranked summaries -> a ranking for each worker",
       {"SQuALITY evaluation", "", "CC BY 4.0", "", kWithoutItsText},
       columns({"passage-id", "questions"}), read_squality},
      {"sharegpt_pair", "LLaMA-Factory's ranking layouts: a conversation and two answers -> a pair",
       {"", "", "", ""}, is_sharegpt_pair, read_sharegpt_pair},
      {"conversation_thumb", "LLaMA-Factory's KTO layout: a conversation and a label -> a thumb",
       {"", "", "", ""}, is_thumb, read_conversation_thumb},
  };
}

// Instructions with an answer, conversations, texts.
std::vector<ImportFormat> written_formats() {
  const ReadRow alpaca = instruction_rows({"instruction", "input", "output"});
  const ReadRow dolly = instruction_rows({"instruction", "context", "response"});
  const ReadRow gpt4all = instruction_rows({"prompt", "", "response"});
  return {
      {"argilla", "records of Argilla (SDK 1 and 2, JSON and hub) and of Attune -> the answers",
       {"", "", "", ""}, is_argilla_record, read_argilla},
      {"self_instruct_eval", "Self-Instruct's user-oriented tasks -> instructions",
       {"Self-Instruct, user-oriented", "", "Apache-2.0", "people", kNotForTraining},
       columns({"motivation_app", "instruction", "instances"}), read_self_instruct},
      {"self_instruct", "Self-Instruct's seed tasks: an instruction for each instance",
       {"Self-Instruct seed tasks", "", "Apache-2.0", "people"},
       columns({"instruction", "instances"}), read_self_instruct},
      {"dolly", "databricks-dolly-15k: instruction, context, response",
       {"databricks-dolly-15k", "", "CC BY-SA 3.0", "people"},
       columns({"instruction", "context", "response"}), dolly},
      {"oasst_flat", "Open Assistant as instructions (llm-on-ray): the columns of dolly",
       {"OASST1", "", "Apache-2.0", "people"}, columns({"instruction", "context", "response"}),
       dolly},
      {"gpteacher", "GPTeacher, every part: instruction, input, response",
       {"GPTeacher", "", "MIT", "gpt-4"}, is_gpteacher,
       instruction_rows({"instruction", "input", "response"})},
      {"alpaca", "Stanford Alpaca: instruction, input, output",
       {"Alpaca", "", "CC BY-NC 4.0", "text-davinci-003"}, is_alpaca, alpaca},
      {"alpaca_cleaned", "AlpacaDataCleaned: the columns of alpaca",
       {"AlpacaDataCleaned", "", "CC BY-NC 4.0", "text-davinci-003"}, is_alpaca, alpaca},
      {"gsm8k_alpaca", "AlpacaDataCleaned's part of GSM8K: the columns of alpaca",
       {"GSM8K", "", "MIT", "people"}, is_alpaca, alpaca},
      {"gpt4_llm", "GPT-4-LLM, English, Chinese and unnatural: the columns of alpaca",
       {"GPT-4-LLM", "", "CC BY-NC 4.0", "gpt-4"}, is_alpaca, alpaca},
      {"self_instruct_generated", "Self-Instruct's 82k generated instances: the columns of alpaca",
       {"Self-Instruct, generated", "", "Apache-2.0", "davinci (gpt-3)"}, is_alpaca, alpaca},
      {"gpt4all", "GPT4All, with and without P3: prompt, response",
       {"GPT4All", "", "Apache-2.0", "gpt-3.5-turbo"}, is_gpt4all, gpt4all},
      {"sharegpt", "ShareGPT: conversations of human and gpt -> messages",
       {"ShareGPT", "", "", "ChatGPT (gpt-3.5-turbo and gpt-4)"}, is_sharegpt, read_sharegpt},
      {"redpajama", "RedPajama-1T and SlimPajama: text, meta -> text, with the licence of its part",
       {"RedPajama-Data-1T", "", "", "people"}, is_redpajama, read_redpajama},
      {"trl", "TRL's and Attune's own columns (docs/formats/examples.md), checked",
       {}, [](const OrderedJson&) { return true; }, read_example},
  };
}

}  // namespace

const std::vector<ImportFormat>& import_formats() {
  static const std::vector<ImportFormat> table = [] {
    std::vector<ImportFormat> all = judged_formats();
    for (ImportFormat& format : written_formats()) all.push_back(std::move(format));
    return all;
  }();
  return table;
}

}  // namespace attune::data
