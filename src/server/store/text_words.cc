#include "server/store/text_words.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>

namespace attune::store {
namespace {

struct Range {
  utf8proc_int32_t first, last;
};

// Accents of alphabets; the marks of other scripts are vowels and stay.
constexpr Range kAccents[] = {
    {0x300, 0x36F}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x20D0, 0x20FF}, {0xFE20, 0xFE2F}};
constexpr Range kUnspaced[] = {
    {0xE00, 0xEFF},     {0x1000, 0x109F},   {0x1780, 0x17FF},  {0x3005, 0x3007},
    {0x3040, 0x30FF},   {0x31F0, 0x31FF},   {0x3400, 0x4DBF},  {0x4E00, 0x9FFF},
    {0xF900, 0xFAFF},   {0x20000, 0x3FFFF}};

template <size_t N>
bool is_in(const Range (&ranges)[N], utf8proc_int32_t point) {
  return std::any_of(std::begin(ranges), std::end(ranges), [&](const Range& range) {
    return point >= range.first && point <= range.last;
  });
}

enum class Kind { kSeparator, kLetter, kMark };

Kind kind_of(utf8proc_int32_t point) {
  switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return Kind::kLetter;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME: return Kind::kMark;
    default: return Kind::kSeparator;
  }
}

// Collects words, one blank between them.
class Folding {
 public:
  explicit Folding(std::string& out) : out_(out) {}

  void add_ascii(char character) {
    if (character >= 'A' && character <= 'Z') character = static_cast<char>(character | 0x20);
    const bool in_word =
        (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9');
    if (!in_word) return end_word();
    if (!in_word_ || alone_) begin_word(false);
    if (out_.size() - start_ < kWordBytesMax) out_ += character;
  }

  void add(utf8proc_int32_t point) {
    std::array<utf8proc_int32_t, 32> parts;
    const auto count = utf8proc_decompose_char(
        point, parts.data(), parts.size(),
        static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD),
        nullptr);
    if (count < 0 || count > static_cast<utf8proc_ssize_t>(parts.size())) return end_word();
    for (utf8proc_ssize_t i = 0; i < count; ++i) add_part(parts[static_cast<size_t>(i)]);
  }

  void end_word() { in_word_ = false; }

 private:
  void add_part(utf8proc_int32_t point) {
    if (point < 0x80) return add_ascii(static_cast<char>(point));
    if (is_in(kAccents, point)) return;
    const Kind kind = kind_of(point);
    if (kind == Kind::kSeparator) return end_word();
    const bool alone = kind == Kind::kLetter && is_in(kUnspaced, point);
    // A mark belongs to the character before it, also where that is a word by itself.
    const bool goes_on = in_word_ && (kind == Kind::kMark || (!alone && !alone_));
    if (!goes_on) begin_word(alone);
    std::array<utf8proc_uint8_t, 4> bytes;
    const auto size = static_cast<size_t>(utf8proc_encode_char(point, bytes.data()));
    if (out_.size() - start_ + size > kWordBytesMax) return;
    out_.append(reinterpret_cast<const char*>(bytes.data()), size);
  }

  void begin_word(bool alone) {
    if (!out_.empty()) out_ += ' ';
    start_ = out_.size();
    in_word_ = true;
    alone_ = alone;
  }

  std::string& out_;
  size_t start_ = 0;  // of the word that is being written
  bool in_word_ = false;
  bool alone_ = false;  // this word is one character of a script without blanks
};

void append_strings(const OrderedJson& value, std::string& out) {
  if (value.is_string()) {
    out += value.get_ref<const std::string&>();
    out += "\n\n";
  } else if (value.is_structured()) {
    for (const OrderedJson& part : value) append_strings(part, out);
  }
}

}  // namespace

std::string folded_words(std::string_view text, size_t bytes_max) {
  std::string out;
  out.reserve(std::min(text.size(), bytes_max) + kWordBytesMax);
  Folding folding(out);
  for (size_t at = 0; at < text.size() && out.size() < bytes_max;) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      folding.add_ascii(text[at++]);
      continue;
    }
    utf8proc_int32_t point = -1;
    const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(&text[at]),
                                         static_cast<utf8proc_ssize_t>(text.size() - at), &point);
    if (length <= 0) {
      folding.end_word();
      ++at;
      continue;
    }
    folding.add(point);
    at += static_cast<size_t>(length);
  }
  return out;
}

std::vector<std::string> words_of(std::string_view text) {
  const std::string folded = folded_words(text, text.size() * 40 + 1);
  std::vector<std::string> words;
  for (size_t from = 0; from < folded.size();) {
    const size_t end = std::min(folded.find(' ', from), folded.size());
    words.push_back(folded.substr(from, end - from));
    from = end + 1;
  }
  return words;
}

std::string text_of_field(const OrderedJson& value) {
  if (value.is_string()) return value.get<std::string>();
  std::string text;
  const bool is_chat = value.is_array();
  if (!is_chat) {
    append_strings(value, text);
    return text;
  }
  for (const OrderedJson& turn : value) {
    const auto content = turn.is_object() ? turn.find("content") : turn.end();
    append_strings(content != turn.end() ? *content : turn, text);
  }
  return text;
}

}  // namespace attune::store
