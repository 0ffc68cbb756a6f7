// Unicode normalisation forms through utf8proc (Unicode 15).
#pragma once

#include "text/normalizer.h"

namespace attune::text {

enum class UnicodeForm { kNfc, kNfd, kNfkc, kNfkd };

class UnicodeFormStep : public Normalizer {
 public:
  explicit UnicodeFormStep(UnicodeForm form) : form_(form) {}
  void apply(AlignedText& text) const override;

 private:
  UnicodeForm form_;
};

}  // namespace attune::text
