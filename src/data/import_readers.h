// The readers of published rows that the table of formats (import_formats.cc) names: each turns one
// row of its layout into examples. An Error is a row that does not fit the layout, and names the
// column; what fits but gives no example goes to ImportSink::drop. Quirks of each published file
// stand where its reader is.
#pragma once

#include <memory>
#include <string>

#include "data/import.h"

namespace attune::data {

// Columns of a layout of instructions; "" where it has none.
struct InstructionColumns {
  std::string instruction;
  std::string input;  // what the instruction is about; may be absent or empty in a row
  std::string answer;
};
// {"instruction", "input", "output"} under any names, with LLaMA-Factory's `system` and `history`
// -> prompt and completion.
ReadRow instruction_rows(InstructionColumns columns);
// {"instruction", "instances": [{"input", "output"}]} -> one example for each instance.
Status read_self_instruct(const OrderedJson& row, const ImportOptions&, ImportSink& sink);

Status read_hh_rlhf(const OrderedJson& row, const ImportOptions&, ImportSink& sink);
Status read_hh_red_team(const OrderedJson& row, const ImportOptions&, ImportSink& sink);
Status read_pandalm(const OrderedJson& row, const ImportOptions&, ImportSink& sink);
Status read_summarize(const OrderedJson& row, const ImportOptions&, ImportSink& sink);
Status read_ultrafeedback(const OrderedJson& row, const ImportOptions&, ImportSink& sink);
Status read_ultrafeedback_binarized(const OrderedJson& row, const ImportOptions&,
                                    ImportSink& sink);
Status read_gpt4_comparisons(const OrderedJson& row, const ImportOptions&, ImportSink& sink);
Status read_alpaca_farm(const OrderedJson& row, const ImportOptions&, ImportSink& sink);
Status read_alpaca_eval(const OrderedJson& row, const ImportOptions&, ImportSink& sink);
Status read_webgpt(const OrderedJson& row, const ImportOptions&, ImportSink& sink);
Status read_shp(const OrderedJson& row, const ImportOptions&, ImportSink& sink);
Status read_helpsteer(const OrderedJson& row, const ImportOptions&, ImportSink& sink);
Status read_helpsteer_preference(const OrderedJson& row, const ImportOptions&, ImportSink& sink);
Status read_squality(const OrderedJson& row, const ImportOptions&, ImportSink& sink);
Status read_sharegpt(const OrderedJson& row, const ImportOptions&, ImportSink& sink);
Status read_sharegpt_pair(const OrderedJson& row, const ImportOptions&, ImportSink& sink);
Status read_conversation_thumb(const OrderedJson& row, const ImportOptions&, ImportSink& sink);
// Whether the row says, or its `meta` shows, which part of RedPajama it is of.
bool is_redpajama(const OrderedJson& row);
Status read_redpajama(const OrderedJson& row, const ImportOptions&, ImportSink& sink);
Status read_argilla(const OrderedJson& row, const ImportOptions& options, ImportSink& sink);
Status read_example(const OrderedJson& row, const ImportOptions&, ImportSink& sink);

std::unique_ptr<Importer> make_oasst_importer(const ImportOptions& options);

}  // namespace attune::data
