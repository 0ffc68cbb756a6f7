// Pre-tokenizers: where a text is cut before the model sees it. One step per entry of a
// tokenizer.json section "pre_tokenizer"; immutable and thread-safe.
#pragma once

#include <memory>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/pieces.h"

namespace attune::text {

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual void apply(PieceList& list) const = 0;
  // Whether the step ends by writing bytes in the byte-level alphabet. A model that reads raw bytes
  // asks the last step to leave that out.
  virtual bool writes_byte_level() const { return false; }
  virtual void leave_bytes_raw() {}
  // Whether the step asks where in the whole text a piece came from.
  virtual bool looks_at_origin() const { return false; }
  // The most bytes that it makes of one (see growth.h).
  virtual double growth() const { return 1; }
};

using PreTokenizers = std::vector<std::unique_ptr<PreTokenizer>>;

// The steps of a section (nullptr: none), Sequences laid flat. kInvalidInput names the key;
// kUnsupported the type of a step that is not known.
Result<PreTokenizers> parse_pre_tokenizer(const Json* section);

double growth(const PreTokenizers& steps);  // of all steps together

}  // namespace attune::text
