#include "server/store/text_match.h"

#include <algorithm>

namespace attune::store {
namespace {

using Kind = TextNode::Kind;

template <typename F>
std::string joined(const std::vector<TextNode>& children, std::string_view between, F&& render) {
  std::string text = "(";
  for (const TextNode& child : children) {
    if (text.size() > 1) text += between;
    text += render(child);
  }
  return text + ")";
}

// ---- FTS5 ----

// Every record has this word in a column of its own: "all but ..." starts from it. No text gives it
// (it is no letter).
constexpr const char* kEveryRecord = "every : \"\xEF\xA3\xBF\"";

std::string fts5_leaf(const TextNode& leaf) {
  std::string words;
  const bool near = leaf.kind == Kind::kNear;
  for (const std::string& word : leaf.words) {
    if (!words.empty()) words += near ? "\" \"" : " ";
    words += word;
  }
  if (!near) return '"' + words + (leaf.kind == Kind::kPrefix ? "\" *" : "\"");
  // FTS5 counts all between the first word and the last; two words less are others.
  return fmt::format("NEAR(\"{}\", {})", words,
                     static_cast<size_t>(leaf.distance) + leaf.words.size() - 2);
}

class Fts5 {
 public:
  explicit Fts5(std::string column) : column_(std::move(column)) {}

  std::string render(const TextNode& node) const {
    if (node.kind == Kind::kAnd) return all_of(node);
    const auto inner = [this](const TextNode& child) { return render(child); };
    if (node.kind == Kind::kOr) return joined(node.children, " OR ", inner);
    if (node.kind != Kind::kNot) return "(" + column_ + fts5_leaf(node) + ")";
    return fmt::format("({} NOT {})", kEveryRecord, inner(node.children[0]));
  }

 private:
  // NOT is a difference in FTS5: what speaks for the record stands first.
  std::string all_of(const TextNode& node) const {
    std::string wanted, unwanted;
    for (const TextNode& child : node.children) {
      if (child.kind == Kind::kNot) {
        unwanted += " NOT " + render(child.children[0]);
      } else {
        wanted += (wanted.empty() ? "" : " AND ") + render(child);
      }
    }
    if (wanted.empty()) wanted = kEveryRecord;
    return "((" + wanted + ")" + unwanted + ")";
  }

  std::string column_;
};

// ---- PostgreSQL ----

std::string ts_leaf(const TextNode& leaf) {
  std::string text = "(";
  const char* between = leaf.kind == Kind::kNear ? " & " : " <-> ";
  for (const std::string& word : leaf.words) {
    if (text.size() > 1) text += between;
    text += '\'' + word + '\'';
  }
  return text + (leaf.kind == Kind::kPrefix ? ":*)" : ")");
}

std::string ts_query(const TextNode& node) {
  if (node.kind == Kind::kAnd) return joined(node.children, " & ", ts_query);
  if (node.kind == Kind::kOr) return joined(node.children, " | ", ts_query);
  if (node.kind == Kind::kNot) return "!" + ts_query(node.children[0]);
  return ts_leaf(node);
}

bool has_near(const TextNode& node) {
  return node.kind == Kind::kNear ||
         std::any_of(node.children.begin(), node.children.end(), has_near);
}

// The part that every hit fulfils and that names words to look up; nothing where there is none.
std::optional<TextNode> wanted_part(const TextNode& node) {
  if (node.kind == Kind::kNot) return std::nullopt;
  if (node.children.empty()) return node;
  TextNode part{.kind = node.kind, .words = {}, .distance = 0, .children = {}};
  for (const TextNode& child : node.children) {
    std::optional<TextNode> wanted = wanted_part(child);
    if (wanted) {
      part.children.push_back(std::move(*wanted));
    } else if (node.kind == Kind::kOr) {
      return std::nullopt;
    }
  }
  if (part.children.empty()) return std::nullopt;
  return part;
}

class TsCondition {
 public:
  TsCondition(std::string column, SqlText& sql) : column_(std::move(column)), sql_(sql) {}

  std::string render(const TextNode& node) {
    const auto inner = [this](const TextNode& child) { return render(child); };
    if (!has_near(node)) return match(ts_query(node));
    if (node.kind == Kind::kAnd) return joined(node.children, " AND ", inner);
    if (node.kind == Kind::kOr) return joined(node.children, " OR ", inner);
    if (node.kind == Kind::kNot) return "NOT " + inner(node.children[0]);
    return "(" + match(ts_leaf(node)) + " AND " + near(node) + ")";
  }

  std::string match(const std::string& question) {
    return fmt::format("{} @@ {}::tsquery", column_, sql_.add(question));
  }

 private:
  // tsquery knows fixed distances alone: here the places of the words are compared.
  std::string near(const TextNode& node) {
    std::string tables, places, conditions;
    for (size_t i = 0; i < node.words.size(); ++i) {
      tables += fmt::format(
          "{}unnest({}) AS w{} CROSS JOIN LATERAL unnest(w{}.positions) AS p{} (at)",
          i == 0 ? "" : " CROSS JOIN ", column_, i, i, i);
      places += fmt::format("{}p{}.at", i == 0 ? "" : ", ", i);
      conditions += fmt::format("w{}.lexeme = {} AND ", i, sql_.add(node.words[i]));
      for (size_t j = 0; j < i; ++j) conditions += fmt::format("p{}.at <> p{}.at AND ", i, j);
    }
    return fmt::format("EXISTS (SELECT 1 FROM {} WHERE {}greatest({}) - least({}) < {})", tables,
                       conditions, places, places,
                       sql_.add(static_cast<int64_t>(node.distance) +
                                static_cast<int64_t>(node.words.size())));
  }

  std::string column_;
  SqlText& sql_;
};

}  // namespace

std::pair<int64_t, int64_t> text_rows(int64_t dataset) {
  return {text_row(dataset, 0), text_row(dataset + 1, 0) - 1};
}

std::string fts5_question(const TextNode& tree, std::optional<size_t> field) {
  return Fts5(field ? fmt::format("f{} : ", text_place(*field)) : "").render(tree);
}

std::string postgres_condition(const TextNode& tree, std::optional<size_t> field, SqlText& sql) {
  if (!field) return TsCondition("t.words", sql).render(tree);
  // The index knows words of any field; what it finds is looked at again.
  const std::string column = fmt::format("t.by_field[{}]", text_place(*field) + 1);
  std::string condition = TsCondition(column, sql).render(tree);
  if (const auto wanted = wanted_part(tree)) {
    condition += " AND " + TsCondition("t.words", sql).match(ts_query(*wanted));
  }
  return "(" + condition + ")";
}

std::string postgres_ranking_query(const TextNode& tree) {
  const auto wanted = wanted_part(tree);
  return wanted ? ts_query(*wanted) : "";
}

}  // namespace attune::store
