// A reader of the protobuf wire format, as far as SentencePiece's ModelProto needs it
// (sentencepiece_model.proto, version 0.2).
#include <bit>
#include <cstring>

#include "text/sentencepiece_model.h"
#include "text/unicode.h"

namespace attune::text {
namespace {

// One field of a message: a number (wire types 0, 1, 5) or bytes (wire type 2).
struct Field {
  uint64_t number = 0;
  uint64_t value = 0;
  std::string_view bytes;
};

class Message {
 public:
  explicit Message(std::string_view bytes) : rest_(bytes) {}
  bool end() const { return rest_.empty(); }

  Result<Field> next() {
    uint64_t key = TRY(varint());
    Field field;
    field.number = key >> 3;
    switch (key & 7) {
      case 0: field.value = TRY(varint()); return field;
      case 1: field.value = TRY(fixed(8)); return field;
      case 5: field.value = TRY(fixed(4)); return field;
      case 2: {
        uint64_t size = TRY(varint());
        if (size > rest_.size()) return cut();
        field.bytes = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return field;
      }
      default: return invalid_input("not a SentencePiece model: wire type {}", key & 7);
    }
  }

 private:
  static Error cut() { return invalid_input("not a SentencePiece model, or a truncated one"); }

  Result<uint64_t> varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return cut();
      auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    return cut();
  }

  Result<uint64_t> fixed(size_t size) {
    if (rest_.size() < size) return cut();
    uint64_t value = 0;
    std::memcpy(&value, rest_.data(), size);
    rest_.remove_prefix(size);
    return value;
  }

  std::string_view rest_;
};

Status read_piece(std::string_view bytes, SentencePieceModel& model) {
  SentencePieceModel::Piece piece;
  for (Message message(bytes); !message.end();) {
    Field field = TRY(message.next());
    if (field.number == 1) piece.text = field.bytes;
    if (field.number == 2) piece.score = std::bit_cast<float>(static_cast<uint32_t>(field.value));
    if (field.number == 3) piece.type = static_cast<int32_t>(field.value & 0xFF);
  }
  if (valid_utf8_prefix(piece.text) != piece.text.size()) {
    return invalid_input("piece {} is no UTF-8", model.pieces.size());
  }
  TRY(Vocabulary::check_length(piece.text));
  model.pieces.push_back(std::move(piece));
  return {};
}

Status read_trainer(std::string_view bytes, SentencePieceModel& model) {
  for (Message message(bytes); !message.end();) {
    Field field = TRY(message.next());
    auto id = [&]() -> std::optional<int32_t> {
      auto value = static_cast<int32_t>(static_cast<int64_t>(field.value));
      return value < 0 ? std::nullopt : std::optional<int32_t>(value);
    };
    switch (field.number) {
      case 3:
        if (field.value != 1 && field.value != 2) {
          return unsupported("the model type is {}; Unigram (1) and BPE (2) are supported",
                             field.value);
        }
        model.kind = field.value == 1 ? SentencePieceKind::kUnigram : SentencePieceKind::kBpe;
        break;
      case 24:
        if (field.value != 0) return unsupported("white space as suffix is not supported");
        break;
      case 35: model.byte_fallback = field.value != 0; break;
      case 40: model.ids.unk = id(); break;
      case 41: model.ids.bos = id(); break;
      case 42: model.ids.eos = id(); break;
      case 43: model.ids.pad = id(); break;
      default: break;
    }
  }
  return {};
}

Status read_normalizer(std::string_view bytes, SentencePieceModel& model) {
  for (Message message(bytes); !message.end();) {
    Field field = TRY(message.next());
    switch (field.number) {
      case 2: model.charsmap = field.bytes; break;
      case 3: model.spaces.add_prefix = field.value != 0; break;
      case 4: model.spaces.remove_extra = field.value != 0; break;
      case 5: model.spaces.escape = field.value != 0; break;
      default: break;
    }
  }
  return {};
}

}  // namespace

Result<SentencePieceModel> parse_sentencepiece(std::string_view bytes) {
  SentencePieceModel model;
  model.ids = {1, 2, std::nullopt, 0};  // what the message leaves out when it is the default
  for (Message message(bytes); !message.end();) {
    Field field = TRY(message.next());
    if (field.number == 1) TRY(read_piece(field.bytes, model));
    if (field.number == 2) TRY(read_trainer(field.bytes, model));
    if (field.number == 3) TRY(read_normalizer(field.bytes, model));
  }
  if (model.pieces.empty()) return invalid_input("not a SentencePiece model: it has no pieces");
  return model;
}

}  // namespace attune::text
