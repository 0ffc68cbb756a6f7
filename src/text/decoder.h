// Decoders: token strings back to text, one stage per entry of a tokenizer.json section "decoder".
// The same stages serve whole texts and streams. A Decoder is immutable and thread-safe; a
// DecodeRun is one text's state.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace attune::text {

class DecodeStage {
 public:
  virtual ~DecodeStage() = default;
  virtual void push(std::string token) = 0;
  virtual void finish() { next_->finish(); }
  void set_next(DecodeStage* next) { next_ = next; }

 protected:
  DecodeStage* next_ = nullptr;
};

class DecodeRun {
 public:
  explicit DecodeRun(std::vector<std::unique_ptr<DecodeStage>> stages);
  void push(std::string token) { stages_.front()->push(std::move(token)); }
  void finish() { stages_.front()->finish(); }
  std::string take() { return std::exchange(*out_, std::string()); }  // what became certain

 private:
  std::vector<std::unique_ptr<DecodeStage>> stages_;
  std::unique_ptr<std::string> out_ = std::make_unique<std::string>();
};

class Decoder {
 public:
  // nullptr: tokens are joined with spaces, as the reference does. Errors name the key.
  static Result<Decoder> parse(const Json* section);

  // With `streaming`, text is passed on as early as possible. `continues`: the text stands behind
  // another, so that nothing is cut where it begins.
  DecodeRun start(bool streaming, bool continues = false) const;

 private:
  struct Mode {
    bool streaming = false;
    bool continues = false;
    bool joined = false;  // in a stream all tokens before the stage belong to one string
  };
  using MakeStage = std::function<std::unique_ptr<DecodeStage>(Mode mode)>;
  struct Entry {
    MakeStage make;
    bool joins;
    double growth;  // the most bytes that it makes of one (see growth.h)
  };
  static Result<Entry> parse_entry(const std::string& type, const Json& section);
  static Status append(const Json& section, int depth, std::vector<Entry>& out);

  std::vector<Entry> entries_;
};

}  // namespace attune::text
