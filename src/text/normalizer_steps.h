// The normalisers that normalizer.cc builds, but for Unicode forms (unicode_forms.h) and
// SentencePiece tables (charsmap.h).
#pragma once

#include <string>
#include <variant>

#include "text/normalizer.h"
#include "text/regex.h"

namespace attune::text {

class PrependStep : public Normalizer {
 public:
  explicit PrependStep(std::string prefix) : prefix_(std::move(prefix)) {}
  void apply(AlignedText& text) const override;

 private:
  std::string prefix_;
};

class ReplaceStep : public Normalizer {
 public:
  using Pattern = std::variant<std::string, Regex>;
  ReplaceStep(Pattern pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  void apply(AlignedText& text) const override;
  double growth() const override;

 private:
  Pattern pattern_;
  std::string content_;
};

class LowercaseStep : public Normalizer {
 public:
  void apply(AlignedText& text) const override;
  double growth() const override { return 1.5; }
};

// White space at the ends.
class StripStep : public Normalizer {
 public:
  StripStep(bool left, bool right) : left_(left), right_(right) {}
  void apply(AlignedText& text) const override;

 private:
  bool left_, right_;
};

// Removes combining marks (Mn, Mc, Me).
class StripAccentsStep : public Normalizer {
 public:
  void apply(AlignedText& text) const override;
};

// Spells bytes in the byte-level alphabet.
class ByteLevelNormalizer : public Normalizer {
 public:
  void apply(AlignedText& text) const override;
  double growth() const override { return 2; }
};

// SentencePiece's clean-up for translation models: control characters go, odd spaces become ' '.
class NmtStep : public Normalizer {
 public:
  void apply(AlignedText& text) const override;
};

}  // namespace attune::text
