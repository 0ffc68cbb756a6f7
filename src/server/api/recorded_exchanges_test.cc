// The exchanges that were recorded with the original server, edge cases and their exact texts,
// played against ours in their order. Ids and times stand in them as <id:5> and <ts:3>: what was
// first seen for one must come again.
#include <gtest/gtest.h>

#include <map>

#include "base/file.h"
#include "server/api/testing/api_fixture.h"
#include "tests/support/test_paths.h"

namespace attune::api {
namespace {

// Where ours does not answer as the original did, and why.
const std::map<int, const char*> kDifferent = {
    {3, "the credentials of a bearer token are wrong as those of a key are"},
    {7, "ours tells its own version too"},
    {18, "the password that was too short is not in the record"},
    {8, "the original's search engine was a stand-in that could not say its state"},
    {19, "there is one role more"},
    {52, "a 500 that stores the record: 422 as of POST"},
};

class RecordedTest : public testing::ApiTest {
 protected:
  // "<id:5>" and the like in a text become what was seen for them; an id that was never seen is one
  // that nothing has.
  std::string known(const std::string& text) {
    std::string out;
    for (size_t at = 0; at < text.size();) {
      size_t begin = text.find('<', at), end = text.find('>', begin);
      if (begin == text.npos || end == text.npos) return out + text.substr(at);
      std::string name = text.substr(begin, end - begin + 1);
      out += text.substr(at, begin - at);
      if (name.starts_with("<id:") && !seen_.contains(name)) seen_[name] = domain::new_id();
      if (name == "<password>") seen_[name] = "a password";
      out += seen_.contains(name) ? seen_[name] : name;
      at = end + 1;
    }
    return out;
  }

  OrderedJson known(const OrderedJson& json) {
    if (json.is_null()) return json;
    return OrderedJson::parse(known(json.dump()));
  }

  // "" where the answer is the recorded one; else the place that is not.
  std::string differs(const OrderedJson& recorded, const OrderedJson& ours,
                      const std::string& place) {
    if (recorded.is_string() && ours.is_string()) {
      const std::string text = recorded.get<std::string>();
      const bool name = text.starts_with("<") && text.find('>') == text.size() - 1;
      if (name && text == "<api_key>") return "";
      if (name && !seen_.contains(text)) {
        seen_[text] = ours.get<std::string>();
        return "";
      }
      if (known(text) == ours.get<std::string>()) return "";
    } else if (recorded.is_object() && ours.is_object()) {
      for (const auto& [key, value] : recorded.items()) {
        if (!ours.contains(key)) return place + "." + key + " is missing";
        std::string found = differs(value, ours[key], place + "." + key);
        if (!found.empty()) return found;
      }
      for (const auto& [key, value] : ours.items()) {
        if (!recorded.contains(key)) return place + "." + key + " is more than was recorded";
      }
      return "";
    } else if (recorded.is_array() && ours.is_array() && recorded.size() == ours.size()) {
      for (size_t i = 0; i < recorded.size(); ++i) {
        std::string found = differs(recorded[i], ours[i], place + "[" + std::to_string(i) + "]");
        if (!found.empty()) return found;
      }
      return "";
    } else if (recorded == ours) {
      return "";
    }
    return place + ": recorded " + recorded.dump() + ", ours " + ours.dump();
  }

  std::map<std::string, std::string> seen_;
};

bool is_of_annotator(int number) {
  return number == 23 || number == 24 || number == 88 || number == 89 ||
         (number >= 107 && number <= 116);
}

http::Method method_of(const std::string& name) {
  for (auto method : {http::Method::kGet, http::Method::kPost, http::Method::kPut,
                      http::Method::kPatch, http::Method::kDelete}) {
    if (http::to_string(method) == name) return method;
  }
  ADD_FAILURE() << name;
  return http::Method::kGet;
}

// Settings, publishing and deleting of data sets, and what is asked of people and workspaces on the
// way.
bool is_played(const OrderedJson& exchange) {
  const auto path = exchange["path"].get<std::string>();
  for (const char* other : {"/records", "/responses", "/webhooks", "/token", "/status", "/me",
                            "/nothing", "/progress"}) {
    if (path.find(other) != path.npos) return false;
  }
  return true;
}

TEST_P(RecordedTest, DataSetsAndTheirSettings) {
  SKIP_WITHOUT_SAMPLE(path, "argilla-recorded/probe.jsonl");
  const std::string lines = read_file(path).value();
  int played = 0;
  for (size_t at = 0; at < lines.size();) {
    size_t end = lines.find('\n', at);
    if (end == lines.npos) end = lines.size();
    const OrderedJson exchange = OrderedJson::parse(lines.substr(at, end - at));
    at = end + 1;
    const int number = exchange["n"];
    if (!is_played(exchange) || kDifferent.contains(number)) continue;
    const auto reply =
        call(is_of_annotator(number) ? "recorded-ann" : "owner", method_of(exchange["method"]),
             known(exchange["path"].get<std::string>()), known(exchange["request"]));
    EXPECT_EQ(reply.status, exchange["status"].get<int>())
        << number << " " << exchange["path"] << " " << reply.text;
    if (number == 16) {
      know("recorded-ann", reply.body["id"], reply.body["api_key"]);
    }
    EXPECT_EQ(differs(exchange["response"], reply.body, "body"), "")
        << number << " " << exchange["path"];
    ++played;
  }
  EXPECT_GT(played, 40);
}

INSTANTIATE_BOTH_DATABASES(RecordedTest);

}  // namespace
}  // namespace attune::api
