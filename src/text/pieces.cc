#include "text/pieces.h"

namespace attune::text {

Span AlignedText::source(Span span) const {
  if (!rewritten_) {
    Span given{base_ + span.begin, base_ + span.end};
    return outer_ != nullptr ? outer_->source(given) : given;
  }
  if (origin_.empty()) return {base_, base_};
  if (span.begin >= origin_.size()) return {origin_.back().end, origin_.back().end};
  if (span.begin >= span.end) return {origin_[span.begin].begin, origin_[span.begin].begin};
  return {origin_[span.begin].begin, origin_[span.end - 1].end};
}

bool Rewrite::fits(size_t bytes) {
  full_ = full_ || out_.size() + bytes > kBytesMax;
  return !full_;
}

void Rewrite::copy(uint32_t begin, uint32_t end) {
  if (!fits(end - begin)) return;
  out_.append(text_.view_.substr(begin, end - begin));
  if (!text_.track_) return;
  for (uint32_t at = begin; at < end; ++at) origin_.push_back(text_.source({at, at + 1}));
}

void Rewrite::replace(uint32_t begin, uint32_t end, std::string_view with) {
  if (!fits(with.size())) return;
  out_.append(with);
  if (!text_.track_ || with.empty()) return;
  Span source;
  if (begin < end) {
    source = text_.source({begin, end});
  } else if (begin > 0) {
    uint32_t at = text_.source({begin - 1, begin}).end;
    source = {at, at};
  } else {
    uint32_t at = text_.view_.empty() ? text_.base_ : text_.source({0, 1}).begin;
    source = {at, at};
  }
  origin_.resize(out_.size(), source);
}

void Rewrite::finish() {
  text_.owned_ = std::move(out_);
  text_.view_ = text_.owned_;
  text_.origin_ = std::move(origin_);
  text_.rewritten_ = true;
}

}  // namespace attune::text
