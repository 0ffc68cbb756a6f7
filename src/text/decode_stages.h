// The stages that decoder.cc builds. Formulas: the decoders of `tokenizers` 0.23.
#pragma once

#include <optional>
#include <string>

#include "text/decoder.h"
#include "text/regex.h"

namespace attune::text {

// Byte-level characters to bytes to UTF-8; a token with other characters counts as its own bytes.
class ByteLevelStage : public DecodeStage {
 public:
  void push(std::string token) override;
  void finish() override;

 private:
  std::string pending_;  // bytes that are no whole character yet
};

// Runs of <0x..> tokens to the characters they spell.
class ByteFallbackStage : public DecodeStage {
 public:
  explicit ByteFallbackStage(bool streaming) : streaming_(streaming) {}
  void push(std::string token) override;
  void finish() override;

 private:
  void pass_whole_characters();
  void flush();
  bool streaming_;
  std::string run_;
};

// Joins all tokens into one.
class FuseStage : public DecodeStage {
 public:
  explicit FuseStage(bool streaming) : streaming_(streaming) {}
  void push(std::string token) override;
  void finish() override;

 private:
  bool streaming_;
  std::string text_;
};

// Cuts up to `start` and `stop` times the character `content` off both ends of each token, or, in a
// stream of joined tokens, off both ends of the whole text.
class StripStage : public DecodeStage {
 public:
  StripStage(std::string content, size_t start, size_t stop, bool whole_text)
      : content_(std::move(content)), start_(start), stop_(stop), whole_text_(whole_text) {}
  void push(std::string token) override;

 private:
  void cut_start(std::string& token, size_t count) const;
  std::string content_;
  size_t start_, stop_;
  bool whole_text_;
  size_t cut_ = 0;
  bool started_ = false;
  size_t held_ = 0;  // times `content` at the end that may have to go
};

// Replaces a string or the matches of a regular expression in each token.
class ReplaceStage : public DecodeStage {
 public:
  ReplaceStage(std::string literal, std::optional<Regex> regex, std::string content, bool hold)
      : literal_(std::move(literal)),
        regex_(std::move(regex)),
        content_(std::move(content)),
        hold_(hold) {}
  void push(std::string token) override;
  void finish() override;

 private:
  std::string replaced(const std::string& token) const;
  std::string literal_;
  std::optional<Regex> regex_;
  std::string content_;
  bool hold_;  // a match may span tokens: wait for the end
  std::string held_;
};

// The replacement character to spaces; dropped in the first token where it was put before the text.
class MetaspaceStage : public DecodeStage {
 public:
  MetaspaceStage(std::string replacement, bool drops_first)
      : replacement_(std::move(replacement)), first_(drops_first) {}
  void push(std::string token) override;

 private:
  std::string replacement_;
  bool first_;
};

// A space between tokens: what happens without a decoder.
class SpacedStage : public DecodeStage {
 public:
  explicit SpacedStage(bool continues) : first_(!continues) {}
  void push(std::string token) override;

 private:
  bool first_;
};

}  // namespace attune::text
