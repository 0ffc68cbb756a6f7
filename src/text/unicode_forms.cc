#include "text/unicode_forms.h"

#include <utf8proc.h>

#include <cstdlib>

#include "text/unicode.h"
#include "text/unicode_exceptions.h"

namespace attune::text {
namespace {

utf8proc_option_t options_of(UnicodeForm form) {
  int options = UTF8PROC_STABLE;
  bool composed = form == UnicodeForm::kNfc || form == UnicodeForm::kNfkc;
  bool compatible = form == UnicodeForm::kNfkc || form == UnicodeForm::kNfkd;
  options |= composed ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
  if (compatible) options |= UTF8PROC_COMPAT;
  return static_cast<utf8proc_option_t>(options);
}

// Whether a character may change together with the one before it. Generous: marks, the vowels and
// finals of Hangul, and characters whose compatible form is one of these.
bool joins_previous(uint32_t c) {
  if (c < 0x300) return false;
  if ((char_classes()[c] & kMark) != 0) return !unknown_to_forms(c);
  return (c >= 0x1160 && c <= 0x11FF) || (c >= 0x3131 && c <= 0x318E) ||
         (c >= 0xFF9E && c <= 0xFFDC) || (c >= 0xD7B0 && c <= 0xD7FB);
}

// Characters that a form leaves alone when nothing joins them: a cheap answer for most of them.
bool stays_alone(uint32_t c, UnicodeForm form) {
  if (c < 0x80) return true;
  if (form == UnicodeForm::kNfc && c < 0x300) return true;
  bool han = (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3041 && c <= 0x304B);
  bool hangul = c >= 0xAC00 && c <= 0xD7A3;
  return han || (hangul && (form == UnicodeForm::kNfc || form == UnicodeForm::kNfkc));
}

}  // namespace

void UnicodeFormStep::apply(AlignedText& text) const {
  std::string_view old = text.text();
  Rewrite rewrite(text);
  bool changed = false;
  uint32_t copied = 0;
  for (uint32_t at = 0; at < old.size();) {
    DecodedChar c = decode_char(old, at);
    uint32_t end = at + c.length;
    bool alone = stays_alone(c.code_point, form_);
    if (!alone && unknown_to_forms(c.code_point)) {
      at = end;  // marks that follow it join nothing
      continue;
    }
    bool single = true;
    while (end < old.size()) {
      DecodedChar next = decode_char(old, end);
      if (!joins_previous(next.code_point)) break;
      end += next.length;
      single = false;
    }
    if (single && alone) {
      at = end;
      continue;
    }
    std::string_view chunk = old.substr(at, end - at);
    utf8proc_uint8_t* mapped = nullptr;
    utf8proc_ssize_t length =
        utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(chunk.data()),
                     static_cast<utf8proc_ssize_t>(chunk.size()), &mapped, options_of(form_));
    if (length >= 0) {
      std::string_view form(reinterpret_cast<const char*>(mapped), static_cast<size_t>(length));
      if (form != chunk) {
        rewrite.copy(copied, at);
        rewrite.replace(at, end, form);
        copied = end;
        changed = true;
      }
    }
    std::free(mapped);
    at = end;
  }
  if (!changed) return;
  rewrite.copy(copied, static_cast<uint32_t>(old.size()));
  rewrite.finish();
}

}  // namespace attune::text
