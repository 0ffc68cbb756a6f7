#include "weights/safetensors_header.h"

#include <limits>
#include <set>

#include "base/json.h"

namespace attune::weights {
namespace {

// Receives the header's JSON events. Each handler returns false to stop; `failure` then says why.
class HeaderEvents {
 public:
  using number_integer_t = Json::number_integer_t;
  using number_unsigned_t = Json::number_unsigned_t;
  using number_float_t = Json::number_float_t;
  using string_t = Json::string_t;
  using binary_t = Json::binary_t;

  SafetensorsHeader header;
  std::string failure;

  bool null() { return unexpected("null"); }
  bool boolean(bool) { return unexpected("a boolean"); }
  bool number_integer(number_integer_t value) {
    return fail(fmt::format("{} holds {}, a negative number", where(), value));
  }
  bool number_float(number_float_t, const string_t& text) {
    return fail(fmt::format("{} holds {}, an integer is needed", where(), text));
  }
  bool binary(binary_t&) { return unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) {
    if (place_ != Place::kList) return unexpected("a number");
    if (key_ == "data_offsets") {
      if (entry_.offsets.size() == 2) return fail(where() + " has more than two offsets");
      entry_.offsets.push_back(value);
      return true;
    }
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return fail(fmt::format("{} holds {}, which is too large", where(), value));
    }
    if (entry_.shape.size() == kRankMax) return fail(where() + " has more than 32 dimensions");
    entry_.shape.push_back(static_cast<int64_t>(value));
    return true;
  }

  bool string(string_t& value) {
    if (place_ == Place::kMetadata) {
      header.metadata[key_] = std::move(value);
      return true;
    }
    if (place_ == Place::kTensor && key_ == "dtype") {
      entry_.dtype = std::move(value);
      return true;
    }
    return unexpected("a string");
  }

  bool start_object(size_t) {
    if (place_ == Place::kStart) {
      place_ = Place::kTop;
    } else if (place_ == Place::kTop) {
      place_ = name_ == "__metadata__" ? Place::kMetadata : Place::kTensor;
      entry_ = {};
      entry_.name = name_;
      inner_keys_.clear();
    } else {
      return unexpected("an object");
    }
    return true;
  }

  bool key(string_t& key) {
    bool top = place_ == Place::kTop;
    auto& keys = top ? top_keys_ : inner_keys_;
    if (!keys.insert(key).second) {
      return fail(top ? fmt::format("tensor {} appears twice", key)
                      : fmt::format("tensor {}: key {} appears twice", name_, key));
    }
    if (place_ == Place::kTensor && key != "dtype" && key != "shape" && key != "data_offsets") {
      return fail(fmt::format("tensor {}: unknown key {}", name_, key));
    }
    (top ? name_ : key_) = key;
    return true;
  }

  bool end_object() {
    if (place_ == Place::kTensor) {
      for (const char* needed : {"dtype", "shape", "data_offsets"}) {
        if (!inner_keys_.contains(needed))
          return fail(fmt::format("tensor {} has no {}", name_, needed));
      }
      if (entry_.offsets.size() != 2) {
        return fail(fmt::format("tensor {}: data_offsets needs begin and end", name_));
      }
      header.entries.push_back(std::move(entry_));
    }
    place_ = place_ == Place::kTop ? Place::kEnd : Place::kTop;
    return true;
  }

  bool start_array(size_t) {
    if (place_ != Place::kTensor || key_ == "dtype") return unexpected("a list");
    place_ = Place::kList;
    return true;
  }

  bool end_array() {
    place_ = Place::kTensor;
    return true;
  }

  bool parse_error(size_t byte, const std::string&, const nlohmann::detail::exception&) {
    return fail(fmt::format("the header is no valid JSON at its byte {}", byte));
  }

 private:
  enum class Place { kStart, kTop, kTensor, kMetadata, kList, kEnd };
  static constexpr size_t kRankMax = 32;

  std::string where() const {
    if (place_ == Place::kStart) return "the header";
    if (place_ == Place::kTop) return fmt::format("header key {}", name_);
    return fmt::format("tensor {}: key {}", name_, key_);
  }
  bool unexpected(const char* what) { return fail(where() + " holds " + what); }
  bool fail(std::string text) {
    if (failure.empty()) failure = std::move(text);
    return false;
  }

  Place place_ = Place::kStart;
  std::string name_;  // the tensor, or __metadata__
  std::string key_;   // within it
  SafetensorsEntry entry_;
  std::set<std::string> top_keys_;
  std::set<std::string> inner_keys_;
};

}  // namespace

Result<SafetensorsHeader> parse_safetensors_header(std::string_view json) {
  HeaderEvents events;
  if (!Json::sax_parse(json.begin(), json.end(), &events)) {
    return invalid_input("{}",
                         events.failure.empty() ? "the header is no valid JSON" : events.failure);
  }
  return std::move(events.header);
}

}  // namespace attune::weights
