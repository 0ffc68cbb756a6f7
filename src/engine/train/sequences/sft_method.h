// Supervised fine-tuning as a Method: packed sequences in, negative log-likelihood (or DFT) of the
// trained tokens out. Formulas: objectives/nll.h, losses.md §4.
#pragma once

#include <string>
#include <vector>

#include "engine/models/decoder.h"
#include "engine/train/method.h"
#include "engine/train/rows/sft_rows.h"

namespace attune::engine::train {

enum class SftLoss { kNll, kDft };

class SftMethod : public Method {
 public:
  // `adapters` is the stack that trains (empty: the base model). The decoder outlives the method.
  SftMethod(models::Decoder& decoder, std::vector<std::string> adapters, SftLoss loss,
            std::vector<SftRow> train, std::vector<SftRow> evaluation);

  int64_t row_count(Split split) const override;
  int64_t row_tokens(Split split, int64_t row) const override;
  int64_t row_units(Split split, int64_t row) const override;
  std::string row_name(Split split, int64_t row) const override;
  PassResult pass(Split split, const std::vector<int64_t>& rows,
                  const PassOptions& options) override;
  std::string fingerprint() const override;

 private:
  const SftRow& row_at(Split split, int64_t row) const;

  models::Decoder& decoder_;
  std::vector<std::string> adapters_;
  SftLoss loss_;
  std::vector<SftRow> train_;
  std::vector<SftRow> evaluation_;
};

}  // namespace attune::engine::train
