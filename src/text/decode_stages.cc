#include "text/decode_stages.h"

#include "text/byte_level.h"
#include "text/unicode.h"

namespace attune::text {
namespace {

// Moves the whole characters at the front of `bytes` to the result, broken ones as U+FFFD.
std::string take_characters(std::string& bytes, bool all) {
  std::string out;
  size_t at = 0;
  while (at < bytes.size()) {
    CharScan scan = scan_char(std::string_view(bytes).substr(at));
    if (scan.length == 0) {
      if (!all) break;
      out.append(kReplacement);
      at = bytes.size();
      break;
    }
    if (scan.valid) {
      out.append(bytes, at, scan.length);
    } else {
      out.append(kReplacement);
    }
    at += scan.length;
  }
  bytes.erase(0, at);
  return out;
}

std::optional<uint8_t> byte_of_token(const std::string& token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  int value = 0;
  for (size_t i = 3; i < 5; ++i) {
    char c = token[i];
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0) return std::nullopt;
    value = value * 16 + digit;
  }
  return static_cast<uint8_t>(value);
}

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  size_t done = 0;
  for (size_t at = text.find(from); at != std::string_view::npos; at = text.find(from, done)) {
    out.append(text.substr(done, at - done)).append(to);
    done = at + from.size();
  }
  return out.append(text.substr(done));
}

}  // namespace

void ByteLevelStage::push(std::string token) {
  auto bytes = from_byte_level(token);
  pending_.append(bytes ? *bytes : token);
  std::string text = take_characters(pending_, false);
  if (!text.empty()) next_->push(std::move(text));
}

void ByteLevelStage::finish() {
  std::string text = take_characters(pending_, true);
  if (!text.empty()) next_->push(std::move(text));
  next_->finish();
}

void ByteFallbackStage::push(std::string token) {
  if (auto byte = byte_of_token(token)) {
    run_.push_back(static_cast<char>(*byte));
    if (streaming_) pass_whole_characters();
    return;
  }
  flush();
  next_->push(std::move(token));
}

void ByteFallbackStage::pass_whole_characters() {
  while (!run_.empty()) {
    CharScan scan = scan_char(run_);
    if (scan.length == 0) return;
    std::string text;
    for (uint32_t i = 0; !scan.valid && i < scan.length; ++i) text.append(kReplacement);
    if (scan.valid) text = run_.substr(0, scan.length);
    run_.erase(0, scan.length);
    next_->push(std::move(text));
  }
}

void ByteFallbackStage::flush() {
  if (run_.empty()) return;
  if (valid_utf8_prefix(run_) == run_.size()) {
    next_->push(run_);
  } else {
    for (size_t i = 0; i < run_.size(); ++i) next_->push(std::string(kReplacement));
  }
  run_.clear();
}

void ByteFallbackStage::finish() {
  flush();
  next_->finish();
}

void FuseStage::push(std::string token) {
  if (streaming_) return next_->push(std::move(token));
  text_.append(token);
}

void FuseStage::finish() {
  if (!streaming_) next_->push(std::move(text_));
  next_->finish();
}

void StripStage::cut_start(std::string& token, size_t count) const {
  size_t cut = 0;
  for (size_t i = 0; i < count && token.compare(cut, content_.size(), content_) == 0; ++i) {
    cut += content_.size();
  }
  token.erase(0, cut);
}

void StripStage::push(std::string token) {
  if (!whole_text_) {
    cut_start(token, start_);
    for (size_t i = 0; i < stop_ && token.ends_with(content_); ++i) {
      token.resize(token.size() - content_.size());
    }
    return next_->push(std::move(token));
  }
  while (!started_ && !token.empty()) {
    if (cut_ == start_ || !token.starts_with(content_)) {
      started_ = true;
      break;
    }
    token.erase(0, content_.size());
    ++cut_;
  }
  std::string text;
  for (; held_ > 0; --held_) text.append(content_);
  text.append(token);
  while (held_ < stop_ && text.ends_with(content_)) {
    text.resize(text.size() - content_.size());
    ++held_;
  }
  next_->push(std::move(text));
}

std::string ReplaceStage::replaced(const std::string& token) const {
  if (!regex_) return replace_all(token, literal_, content_);
  std::vector<Span> matches;
  regex_->find_all(token, matches);
  std::string out;
  size_t done = 0;
  for (Span match : matches) {
    out.append(token, done, match.begin - done).append(content_);
    done = match.end;
  }
  return out.append(token, done, std::string::npos);
}

void ReplaceStage::push(std::string token) {
  if (!hold_) return next_->push(replaced(token));
  held_.append(token);
}

void ReplaceStage::finish() {
  if (hold_) next_->push(replaced(held_));
  next_->finish();
}

void MetaspaceStage::push(std::string token) {
  next_->push(replace_all(token, replacement_, first_ ? "" : " "));
  first_ = false;
}

void SpacedStage::push(std::string token) {
  next_->push(first_ ? std::move(token) : " " + token);
  first_ = false;
}

}  // namespace attune::text
