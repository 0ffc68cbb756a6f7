// Reads the JSON of a request and reports every mistake in it the way the contract does (that of
// pydantic 2): {"type":"string_too_short","loc":["body","name"],"msg":"String should have ..."}.
//
//   const OrderedJson json = TRY(call.body());
//   SchemaReader body(json, "body");
//   std::string name = body.text("name", {.min = 1, .max = 200});          // required
//   std::optional<std::string> guidelines = body.text_or_null("guidelines", {.min = 1});
//   int64_t overlap = 1;
//   if (body.given("distribution")) {                                      // there and not null
//     SchemaReader distribution = body.object("distribution");
//     distribution.choice("strategy", {"overlap"});
//     overlap = distribution.integer("min_submitted", {.ge = 1});
//   }
//   for (SchemaReader& option : body.objects("options", {.min = 2})) { option.text("value"); }
//   TRY(body.done());      // 422 with all mistakes, or nothing; what was read is valid from here on
//
// A getter of what is missing or wrong notes the mistake and gives "", 0 or an empty list, so a
// reader never has to be asked in between; only `done()` of the root decides. Readers of parts share
// the root's list of mistakes. Keys that nobody asked for are ignored, as the contract wants;
// `no_others()` refuses them where a person could mistype. The JSON must outlive its readers.
// Not thread-safe; none of this throws.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "server/api/answer.h"
#include "server/http/message.h"

namespace attune::api {

// Lengths in characters (code points), both inclusive. `allowed` says whether a text matches
// `pattern`, which is what the message shows (a regular expression of the contract).
struct TextRule {
  size_t min = 0;
  size_t max = std::numeric_limits<size_t>::max();
  const char* pattern = nullptr;
  bool (*allowed)(std::string_view text) = nullptr;
};
struct NumberRule {
  std::optional<double> gt = std::nullopt, ge = std::nullopt, lt = std::nullopt,
                        le = std::nullopt;
};
struct CountRule {
  size_t min = 0;
  size_t max = std::numeric_limits<size_t>::max();
};

class SchemaReader {
 public:
  // `loc` is the first part of every mistake's place: "body", "query" or "path".
  SchemaReader(const OrderedJson& value, std::string_view loc);

  // --- What is there -------------------------------------------------------------------------
  const OrderedJson& json() const { return *value_; }
  bool has(std::string_view name) const;    // the key is there, perhaps as null
  bool given(std::string_view name) const;  // the key is there and not null
  // The member as it is, null where it is absent. Asks for it in the sense of `no_others`.
  const OrderedJson& raw(std::string_view name) const;

  // --- Required: absent is "missing", null is of the wrong type --------------------------------
  // Numbers and booleans are also taken from texts ("3", "true"), as the contract does.
  std::string text(std::string_view name, TextRule rule = {});
  int64_t integer(std::string_view name, NumberRule rule = {});
  double number(std::string_view name, NumberRule rule = {});
  bool boolean(std::string_view name);
  std::string id(std::string_view name);  // a UUID in its canonical form
  // One of the options: "enum" otherwise, "Input should be 'draft' or 'ready'".
  std::string choice(std::string_view name, const std::vector<std::string>& options);
  SchemaReader object(std::string_view name);
  // A list of objects; the elements that are none are noted and left out.
  std::vector<SchemaReader> objects(std::string_view name, CountRule rule = {});
  // A list of texts.
  std::vector<std::string> texts(std::string_view name, CountRule count = {}, TextRule rule = {});
  std::vector<std::string> ids(std::string_view name, CountRule count = {});
  std::vector<std::string> choices(std::string_view name, const std::vector<std::string>& options,
                                   CountRule count = {});
  std::vector<double> numbers(std::string_view name, CountRule count = {}, NumberRule rule = {});
  // A list of anything, checked for its length only.
  const OrderedJson& list(std::string_view name, CountRule rule = {});
  // An object with keys and values of any kind.
  const OrderedJson& dictionary(std::string_view name);

  // A union told apart by `tag_key`: the reader of the member, with the tag in the place of its
  // mistakes (["body","settings","rating","options"]). Of another tag: "union_tag_invalid", and
  // `tag()` of what comes back is "". `enumeration` names the contract's type where its message
  // shows one: "FieldType" gives <FieldType.text: 'text'>, "" gives 'text'.
  SchemaReader tagged(std::string_view name, std::string_view tag_key,
                      const std::vector<std::string>& tags, std::string_view enumeration = "");
  const std::string& tag() const { return tag_; }

  // --- Optional: nothing where absent or null --------------------------------------------------
  std::optional<std::string> text_or_null(std::string_view name, TextRule rule = {});
  std::optional<int64_t> integer_or_null(std::string_view name, NumberRule rule = {});
  std::optional<double> number_or_null(std::string_view name, NumberRule rule = {});
  std::optional<bool> boolean_or_null(std::string_view name);
  std::optional<std::string> id_or_null(std::string_view name);
  std::optional<std::string> choice_or_null(std::string_view name,
                                            const std::vector<std::string>& options);
  // A member that may be absent but not null (defaults of the contract).
  bool boolean_or(std::string_view name, bool fallback);
  int64_t integer_or(std::string_view name, int64_t fallback, NumberRule rule = {});
  std::string text_or(std::string_view name, std::string fallback, TextRule rule = {});
  std::string choice_or(std::string_view name, std::string fallback,
                        const std::vector<std::string>& options);

  // --- Mistakes of one's own -------------------------------------------------------------------
  // At the member `name`, or at this reader itself where `name` is "".
  void mistake(std::string type, std::string_view name, std::string msg);
  // {"type":"value_error","msg":"Value error, TEXT"} at this reader: a rule between members. Like
  // the contract's it is noted only while nothing below this reader is wrong.
  void value_error(std::string_view text);
  // For a change: "The following keys must have non-null values: name" where one is there as null.
  void not_null(std::initializer_list<std::string_view> names);
  // "extra_forbidden" for each key that no call above (nor has, given, raw) asked for.
  void no_others();

  // Whether something in this reader or below it was wrong so far.
  bool wrong() const;
  // Every mistake of the root and all that came from it.
  Answer<void> done() const;

 private:
  using Mistakes = std::vector<SchemaMistake>;
  SchemaReader(const OrderedJson& value, OrderedJson loc, std::shared_ptr<Mistakes> mistakes);

  // The member if it is there; else notes "missing".
  const OrderedJson* required(std::string_view name);
  OrderedJson place(std::string_view name) const;
  void note(std::string type, OrderedJson loc, std::string msg);
  // Whether this is an object; if not, it was noted once when the reader was made.
  bool readable() const { return value_->is_object(); }
  SchemaReader part(const OrderedJson& value, OrderedJson loc);
  // A reader of nothing, whose mistakes nobody hears of: what it stands for was noted already.
  static SchemaReader of_nothing(OrderedJson loc);

  std::string read_text(const OrderedJson& value, const OrderedJson& loc, const TextRule& rule);
  int64_t read_integer(const OrderedJson& value, const OrderedJson& loc, const NumberRule& rule);
  double read_number(const OrderedJson& value, const OrderedJson& loc, const NumberRule& rule);
  bool read_boolean(const OrderedJson& value, const OrderedJson& loc);
  std::string read_id(const OrderedJson& value, const OrderedJson& loc);
  std::string read_choice(const OrderedJson& value, const OrderedJson& loc,
                          const std::vector<std::string>& options);
  void check_bounds(double number, const OrderedJson& loc, const NumberRule& rule);
  const OrderedJson* read_list(std::string_view name, const CountRule& rule);
  template <typename T, typename F>
  std::vector<T> each_of(std::string_view name, const CountRule& rule, F&& read);

  const OrderedJson* value_;
  OrderedJson loc_;
  std::string tag_;
  std::shared_ptr<Mistakes> mistakes_;
  mutable std::set<std::string, std::less<>> asked_;
};

// The query as an object for a SchemaReader(json, "query"): a name is a text (its last value, as
// the contract takes it), a name of `lists` a list of all its texts.
OrderedJson query_json(const http::Query& query,
                       std::initializer_list<std::string_view> lists = {});

}  // namespace attune::api
