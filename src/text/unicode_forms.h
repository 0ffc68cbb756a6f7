// Unicode normalisation forms through utf8proc (Unicode 15).
#pragma once

#include "text/normalizer.h"

namespace attune::text {

enum class UnicodeForm { kNfc, kNfd, kNfkc, kNfkd };

class UnicodeFormStep : public Normalizer {
 public:
  explicit UnicodeFormStep(UnicodeForm form) : form_(form) {}
  void apply(AlignedText& text) const override;
  // U+FDFA: 3 bytes to 33; without compatibility no character grows more than three times.
  double growth() const override {
    return form_ == UnicodeForm::kNfkc || form_ == UnicodeForm::kNfkd ? 11 : 3;
  }

 private:
  UnicodeForm form_;
};

}  // namespace attune::text
