#include "text/pieces.h"

namespace attune::text {

Span AlignedText::source(Span span) const {
  if (!rewritten_) return {base_ + span.begin, base_ + span.end};
  if (!track_ || span.begin >= origin_.size()) return {base_, base_};
  if (span.begin >= span.end) return {origin_[span.begin].begin, origin_[span.begin].begin};
  return {origin_[span.begin].begin, origin_[span.end - 1].end};
}

void Rewrite::copy(uint32_t begin, uint32_t end) {
  if (out_.empty() && begin < end) start_ = text_.start_ + begin;
  out_.append(text_.view_.substr(begin, end - begin));
  if (!text_.track_) return;
  for (uint32_t at = begin; at < end; ++at) origin_.push_back(text_.source({at, at + 1}));
}

void Rewrite::replace(uint32_t begin, uint32_t end, std::string_view with) {
  if (out_.empty() && !with.empty()) start_ = text_.start_ + begin;
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
  text_.start_ = start_;
}

}  // namespace attune::text
