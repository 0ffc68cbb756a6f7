#include "weights/gguf.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstring>

#include "tests/support/test_paths.h"
#include "weights/gguf_writer.h"

namespace attune::weights {
namespace {

template <typename T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_text(std::string& bytes, std::string_view text) {
  put<uint64_t>(bytes, text.size());
  bytes.append(text);
}

std::string header(uint32_t version, uint64_t tensors, uint64_t keys) {
  std::string bytes = "GGUF";
  put(bytes, version);
  put(bytes, tensors);
  put(bytes, keys);
  return bytes;
}

std::string tensor(std::string_view name, std::vector<int64_t> dims, uint32_t type,
                   uint64_t offset) {
  std::string bytes;
  put_text(bytes, name);
  put(bytes, static_cast<uint32_t>(dims.size()));
  for (int64_t dim : dims) put(bytes, dim);
  put(bytes, type);
  put(bytes, offset);
  return bytes;
}

std::string key(std::string_view name, GgufType type) {
  std::string bytes;
  put_text(bytes, name);
  put(bytes, static_cast<uint32_t>(type));
  return bytes;
}

std::string padded(std::string bytes, size_t data) {
  bytes.append((32 - bytes.size() % 32) % 32, '\0');
  return bytes.append(data, 'x');
}

Result<GgufContents> parse(const std::string& bytes) {
  return parse_gguf({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

std::string refusal(const std::string& bytes) {
  auto contents = parse(bytes);
  return contents.ok() ? "" : contents.error().message();
}

// One text, one list of texts, one tensor of two F32.
std::string good_file() {
  std::string bytes = header(3, 1, 2);
  bytes += key("name", GgufType::kString);
  put_text(bytes, "tiny");
  bytes += key("list", GgufType::kArray);
  put(bytes, static_cast<uint32_t>(GgufType::kString));
  put<uint64_t>(bytes, 2);
  put_text(bytes, "a");
  put_text(bytes, "bc");
  return padded(bytes + tensor("w", {2}, 0, 0), 8);
}

TEST(Gguf, ReadsEveryMetadataType) {
  auto file = GgufFile::open(testing::source_path("tests/golden/weights/blocks.gguf")).value();
  EXPECT_EQ(file.version(), 3u);
  EXPECT_EQ(file.get_string("general.architecture").value(), "test");
  EXPECT_EQ(file.get_int("all.u8").value(), 200);
  EXPECT_EQ(file.get_int("all.i8").value(), -100);
  EXPECT_EQ(file.get_int("all.u16").value(), 60000);
  EXPECT_EQ(file.get_int("all.i16").value(), -30000);
  EXPECT_EQ(file.get_int("all.u32").value(), 4000000000);
  EXPECT_EQ(file.get_int("all.i32").value(), -2000000000);
  EXPECT_EQ(file.get_int("all.i64").value(), -(int64_t{1} << 62));
  EXPECT_EQ(file.value("all.u64")->as_json().get<uint64_t>(), (uint64_t{1} << 63) + 1);
  EXPECT_FALSE(file.get_int("all.u64").ok());  // beyond int64
  EXPECT_EQ(file.get_number_or("all.f32", 0).value(), 1.5);
  EXPECT_EQ(file.get_number_or("all.f64", 0).value(), 1e300);
  EXPECT_EQ(file.get_bool_or("all.bool", false).value(), true);
  EXPECT_EQ(file.get_string("all.string").value(), "h\u00e9llo");
  EXPECT_EQ(file.value("all.ints")->as_ints().value(), (std::vector<int64_t>{1, -2, 3}));
  EXPECT_EQ(file.value("all.strings")->as_strings().value(),
            (std::vector<std::string>{"a", "", "\u4f60"}));
  EXPECT_EQ(file.value("all.floats")->as_floats().value(), (std::vector<float>{0.5f, -0.25f}));
  EXPECT_EQ(file.value("all.ints")->as_json(2), (Json{{"length", 3}}));
  EXPECT_EQ(file.get_int_or("absent", 7).value(), 7);
  Result<int64_t> wrong = file.get_int("all.string");
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().message().find("key all.string is no integer"), std::string::npos);
}

TEST(Gguf, AcceptsVersionsTwoAndThreeAndNoTruncation) {
  std::string bytes = good_file();
  EXPECT_EQ(refusal(bytes), "");
  std::string older = bytes;
  older[4] = 2;
  EXPECT_EQ(refusal(older), "");
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(refusal(bytes.substr(0, size)), "") << "cut to " << size;
  }
}

TEST(Gguf, RefusesHostileFilesByName) {
  std::string huge_list = header(3, 0, 1) + key("k", GgufType::kArray);
  put(huge_list, static_cast<uint32_t>(GgufType::kU64));
  put<uint64_t>(huge_list, uint64_t{1} << 61);
  std::string deep = header(3, 0, 1) + key("k", GgufType::kArray);
  for (int i = 0; i < 6; ++i) {
    put(deep, static_cast<uint32_t>(GgufType::kArray));
    put<uint64_t>(deep, 1);
  }
  deep.append(64, '\0');
  std::string twice = header(3, 0, 2);
  for (int i = 0; i < 2; ++i) twice += key("k", GgufType::kU8) + '\1';
  std::string alignment = header(3, 0, 1) + key("general.alignment", GgufType::kU32);
  put<uint32_t>(alignment, 33);
  auto with = [](std::vector<std::string> tensors, size_t data) {
    std::string bytes = header(3, tensors.size(), 0);
    for (const std::string& description : tensors) bytes += description;
    return padded(bytes, data);
  };
  const int64_t big = int64_t{1} << 40;
  const std::pair<std::string, const char*> cases[] = {
      {"GGML" + good_file().substr(4), "no GGUF file"},
      {header(1, 0, 0), "version 1"},
      {header(0x03000000, 0, 0), "little-endian"},
      {header(3, 0, ~uint64_t{0}), "the file ends"},
      {header(3, ~uint64_t{0}, 0), "the file ends"},
      {header(3, 0, 1) + key("k", static_cast<GgufType>(13)), "key k: value type 13"},
      {huge_list, "key k: a list claims"},
      {deep, "nested"},
      {twice, "key k appears twice"},
      {alignment, "general.alignment"},
      {with({tensor("w", {2}, 0, 0), tensor("w", {2}, 0, 32)}, 64), "tensor w appears twice"},
      {with({tensor("w", {8, 2}, 0, 0), tensor("v", {2}, 0, 32)}, 64), "overlap"},
      {with({tensor("w", {2}, 0, 16)}, 64), "multiple of the alignment"},
      {with({tensor("w", {32}, 0, 0)}, 64), "beyond"},
      {with({tensor("w", {2}, 0, ~uint64_t{31})}, 64), "tensor w"},
      {with({tensor("w", {31}, 2, 0)}, 64), "whole number of Q4_0 blocks"},
      {with({tensor("w", {2}, 16, 0)}, 64), "tensor w: tensor type 16"},
      {with({tensor("w", {2}, 4, 0)}, 64), "tensor type 4"},
      {with({tensor("w", {-2}, 0, 0)}, 64), "negative"},
      {with({tensor("w", {big, big}, 0, 0)}, 64), "2^62"},
      {with({tensor("w", {1, 1, 1, 1, 1}, 0, 0)}, 64), "5 dimensions"},
  };
  for (const auto& [bytes, message] : cases) {
    EXPECT_NE(refusal(bytes).find(message), std::string::npos) << message << "\n" << refusal(bytes);
  }
}

TEST(Gguf, AnyMutationIsRefusedOrStaysInsideTheFile) {
  const std::string good = good_file();
  EXPECT_TRUE(rc::check([&good](uint16_t where, uint8_t what, uint16_t second, uint8_t other) {
    std::string bytes = good;
    bytes[where % bytes.size()] = static_cast<char>(what);
    bytes[second % bytes.size()] = static_cast<char>(other);
    auto contents = parse(bytes);
    if (!contents.ok()) return;
    const auto* begin = reinterpret_cast<const uint8_t*>(bytes.data());
    for (const TensorView& view : contents->tensors) {
      RC_ASSERT(view.data >= begin && view.data + view.bytes <= begin + bytes.size());
    }
    for (const auto& [name, value] : contents->metadata) {
      (void)to_line(value.as_json());
      (void)value.as_strings().ok();
      (void)value.as_ints().ok();
      (void)value.as_floats().ok();
    }
  }));
}

TEST(Gguf, WhatIsWrittenReadsBack) {
  TemporaryDirectory folder;
  GgufMetadata metadata;
  metadata.add_u32("u", 7);
  metadata.add_f32("f", 0.5f);
  metadata.add_bool("b", true);
  metadata.add_string("s", "text");
  metadata.add_strings("list", {"x", "", "yz"});
  metadata.add_i32s("ints", {-1, 2});
  metadata.add_f32s("floats", {1.25f});
  std::vector<uint8_t> blocks(68, 3), vector(12, 9);
  auto writer = GgufWriter::create(folder.file("x.gguf"), metadata,
                                   {{"m", DType::kQ8_0, {2, 32}}, {"v", DType::kF32, {3}}})
                    .value();
  writer->append(std::span(blocks).first(34)).value();
  writer->append(std::span(blocks).subspan(34)).value();
  writer->append(vector).value();
  EXPECT_FALSE(exists(folder.file("x.gguf")));
  writer->finish().value();
  auto file = GgufFile::open(folder.file("x.gguf")).value();
  EXPECT_EQ(file.get_int("u").value(), 7);
  EXPECT_EQ(file.get_number_or("f", 0).value(), 0.5);
  EXPECT_TRUE(file.get_bool_or("b", false).value());
  EXPECT_EQ(file.value("list")->as_strings().value(), (std::vector<std::string>{"x", "", "yz"}));
  EXPECT_EQ(file.value("ints")->as_ints().value(), (std::vector<int64_t>{-1, 2}));
  EXPECT_EQ(file.value("floats")->as_floats().value(), (std::vector<float>{1.25f}));
  EXPECT_EQ(file.find("m")->shape, (std::vector<int64_t>{2, 32}));
  EXPECT_EQ(std::memcmp(file.find("m")->data, blocks.data(), 68), 0);
  EXPECT_EQ(std::memcmp(file.find("v")->data, vector.data(), 12), 0);
  EXPECT_FALSE(GgufWriter::create(folder.file("y"), metadata, {{"m", DType::kBool, {1}}}).ok());
}

}  // namespace
}  // namespace attune::weights
