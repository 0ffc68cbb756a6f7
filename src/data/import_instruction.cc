// Instruction data: an instruction, what it is about, an answer. Stanford Alpaca (Taori et al.
// 2023) and its kin: AlpacaDataCleaned, GPT-4-LLM, GPTeacher, dolly, GPT4All, Self-Instruct (Wang
// et al. 2022).

#include <algorithm>
#include <cctype>

#include "data/import_columns.h"
#include "data/import_readers.h"

namespace attune::data {
namespace {

// Wikipedia's marks of references, "[42]", which dolly's authors advise to take out.
std::string without_citations(const std::string& text) {
  std::string kept;
  for (size_t at = 0; at < text.size(); ++at) {
    const size_t end = text[at] == '[' ? text.find_first_not_of("0123456789", at + 1) : at;
    const bool is_mark = end > at + 1 && end != std::string::npos && text[end] == ']';
    if (is_mark) {
      at = end;
    } else {
      kept += text[at];
    }
  }
  return kept;
}

// What generated files write where there is no input.
bool says_nothing(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text == "<noinput>" || text == "<no input>";
}

// Earlier turns: a system text, and [[user, assistant], ...].
Result<Messages> earlier_turns(const OrderedJson& row) {
  Messages turns;
  const std::string system = TRY(optional_text_column(row, "system"));
  if (!system.empty()) turns.push_back(message("system", system));
  const OrderedJson* history = find_column(row, "history");
  if (history == nullptr) return turns;
  if (!history->is_array()) return invalid_input("\"history\" must be a list of pairs of texts");
  for (size_t i = 0; i < history->size(); ++i) {
    const OrderedJson& pair = (*history)[i];
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string()) {
      return invalid_input("\"history\"[{}] must be a pair of texts", i);
    }
    turns.push_back(message("user", pair[0].get<std::string>()));
    turns.push_back(message("assistant", pair[1].get<std::string>()));
  }
  return turns;
}

// The words that Stanford Alpaca was trained with; its answers follow the colon without a break.
std::string alpaca_prompt(const std::string& instruction, const std::string& input) {
  if (input.empty()) {
    return "Below is an instruction that describes a task. Write a response that appropriately "
           "completes the request.\n\n### Instruction:\n" +
           instruction + "\n\n### Response:";
  }
  return "Below is an instruction that describes a task, paired with an input that provides "
         "further context. Write a response that appropriately completes the request.\n\n"
         "### Instruction:\n" +
         instruction + "\n\n### Input:\n" + input + "\n\n### Response:";
}

struct Instruction {
  Messages earlier;
  std::string instruction, input, answer;
};

Status keep_instruction(Instruction row, Example example, const ImportOptions& options,
                        ImportSink& sink) {
  if (says_nothing(row.input)) {
    sink.note("an input that says that there is none, left out", row.input);
    row.input.clear();
  }
  if (row.answer.empty()) sink.note("an empty answer");
  example.form = Form::kCompletion;
  if (options.alpaca_prompt) {
    if (!row.earlier.empty()) {
      sink.drop("Alpaca's prompt has no place for a system text or earlier turns");
      return {};
    }
    example.prompt = alpaca_prompt(row.instruction, row.input);
    example.completion = std::move(row.answer);
    return sink.keep(std::move(example));
  }
  if (!row.input.empty()) row.instruction += "\n\n" + row.input;
  row.earlier.push_back(message("user", row.instruction));
  example.prompt = std::move(row.earlier);
  example.completion = assistant_turn(row.answer);
  return sink.keep(std::move(example));
}

Status read_instruction(const InstructionColumns& columns, const OrderedJson& row,
                        const ImportOptions& options, ImportSink& sink) {
  Instruction read;
  read.instruction = TRY(text_column(row, columns.instruction));
  read.input = TRY(optional_text_column(row, columns.input));
  if (options.strip_citations) read.input = without_citations(read.input);
  read.answer = TRY(text_column(row, columns.answer));
  read.earlier = TRY(earlier_turns(row));
  Example example;
  TRY(take_id(row, example));
  keep_other_columns(
      row, {"id", columns.instruction, columns.input, columns.answer, "system", "history"},
      example);
  return keep_instruction(std::move(read), std::move(example), options, sink);
}

}  // namespace

ReadRow instruction_rows(InstructionColumns columns) {
  return [columns = std::move(columns)](const OrderedJson& row, const ImportOptions& options,
                                        ImportSink& sink) {
    return read_instruction(columns, row, options, sink);
  };
}

Status read_self_instruct(const OrderedJson& row, const ImportOptions& options, ImportSink& sink) {
  const std::string instruction = TRY(text_column(row, "instruction"));
  const OrderedJson& instances = *TRY(list_column(row, "instances"));
  if (instances.empty()) {
    sink.drop("a task without an instance");
    return {};
  }
  Example example;
  TRY(take_id(row, example));
  keep_other_columns(row, {"id", "instruction", "instances"}, example);
  for (const OrderedJson& one : instances) {  // a wrong one drops the task, not a part of it
    TRY(optional_text_column(one, "input"));
    TRY(text_column(one, "output", "instances[]."));
  }
  for (size_t i = 0; i < instances.size(); ++i) {
    Instruction read;
    read.instruction = instruction;
    read.input = TRY(optional_text_column(instances[i], "input"));
    read.answer = TRY(text_column(instances[i], "output", "instances[]."));
    Example copy = example;
    if (instances.size() > 1 && !copy.id.empty()) copy.id += fmt::format("/{}", i);
    TRY(keep_instruction(std::move(read), std::move(copy), options, sink));
  }
  return {};
}

Status read_example(const OrderedJson& row, const ImportOptions&, ImportSink& sink) {
  return sink.keep(TRY(parse_example(row)));
}

}  // namespace attune::data
