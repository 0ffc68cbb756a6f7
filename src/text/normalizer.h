// Normalisers: rewrite the text before it is cut, keeping track of where each byte came from. One
// step per entry of a tokenizer.json section "normalizer"; immutable and thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/pieces.h"

namespace attune::text {

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void apply(AlignedText& text) const = 0;
  // The most bytes that it makes of one (see growth.h).
  virtual double growth() const { return 1; }
};

using Normalizers = std::vector<std::unique_ptr<Normalizer>>;

// The steps of a section (nullptr: none), Sequences laid flat. kInvalidInput names the key;
// kUnsupported the type of a step that is not known.
Result<Normalizers> parse_normalizer(const Json* section);

double growth(const Normalizers& steps);  // of all steps together

std::string normalize(const Normalizers& steps, std::string_view text);

}  // namespace attune::text
