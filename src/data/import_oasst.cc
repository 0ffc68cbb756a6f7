// Open Assistant: for every message with two or more ranked replies of the assistant one ranking,
// the conversation up to the message as its prompt.

#include <algorithm>
#include <set>

#include "data/import_columns.h"
#include "data/import_readers.h"
#include "data/oasst_tree.h"
#include "feedback/rankings_to_pairs.h"

namespace attune::data {
namespace {

class OasstImporter : public Importer {
 public:
  explicit OasstImporter(std::vector<std::string> languages)
      : languages_(languages.begin(), languages.end()) {}

  Status read_row(const OrderedJson& row, ImportSink& sink) override {
    const bool is_thread = find_column(row, "thread_id") != nullptr;
    const int64_t known = TRY(trees_.add_row(row, sink.row()));
    if (known > 0 && !is_thread) sink.note("a message given twice; the first was taken");
    return {};
  }

  Status finish(ImportSink& sink) override {
    trees_.link();
    const std::vector<int64_t> order = trees_.in_order();
    drop_unreachable(order, sink);
    for (int64_t at : order) {
      if (!of(at).replies.empty()) TRY(read_group(at, sink));
    }
    return {};
  }

 private:
  const OasstMessage& of(int64_t at) const { return trees_.messages()[static_cast<size_t>(at)]; }

  bool speaks(const OasstMessage& message) const {
    return languages_.empty() || languages_.contains(message.lang);
  }

  void drop_unreachable(const std::vector<int64_t>& order, ImportSink& sink) const {
    const std::set<int64_t> reached(order.begin(), order.end());
    for (size_t i = 0; i < trees_.messages().size(); ++i) {
      if (reached.contains(static_cast<int64_t>(i))) continue;
      const OasstMessage& message = trees_.messages()[i];
      sink.drop("a message whose beginning is not in the file",
                "message_id " + message.id + ", parent_id " + message.parent, message.row);
    }
  }

  // The replies that may be compared; what is left out is counted.
  std::vector<int64_t> usable_replies(int64_t parent, ImportSink& sink) const {
    std::vector<int64_t> kept;
    for (int64_t at : of(parent).replies) {
      const OasstMessage& reply = of(at);
      if (reply.role != "assistant") continue;
      if (!reply.usable) {
        sink.drop("a reply that was deleted or rejected in review", "", reply.row);
      } else if (!speaks(reply)) {
        sink.drop("a reply in another language", "", reply.row);
      } else {
        kept.push_back(at);
      }
    }
    return kept;
  }

  Status read_group(int64_t parent, ImportSink& sink) {
    const std::vector<int64_t> replies = usable_replies(parent, sink);
    if (replies.empty()) return {};
    const OasstMessage& question = of(parent);
    const std::string detail = "below message_id " + question.id;
    if (replies.size() == 1) {
      sink.drop("a reply without another to compare it with", detail, question.row);
      return {};
    }
    std::vector<int64_t> path = trees_.path(parent);
    const bool whole = std::all_of(path.begin(), path.end(),
                                   [this](int64_t at) { return of(at).usable && speaks(of(at)); });
    if (!whole) {
      sink.drop("replies to a conversation that was deleted, rejected or in another language",
                detail, question.row);
      return {};
    }
    feedback::Ranks ranks;
    for (int64_t at : replies) {
      ranks.push_back(of(at).rank ? std::optional<int>(*of(at).rank + 1) : std::nullopt);
    }
    const auto fault = feedback::find_ranking_fault(ranks);
    if (fault && fault->kind == feedback::RankingFaultKind::kOneItem) {
      sink.drop("fewer than two ranked replies", detail, question.row);
      return {};
    }
    if (fault) sink.note("ranks with a hole, closed", detail + ": " + fault->detail, question.row);
    return sink.keep(example(path, replies, feedback::close_rank_holes(ranks)));
  }

  Example example(const std::vector<int64_t>& path, const std::vector<int64_t>& replies,
                  const feedback::Ranks& ranks) const {
    Example result;
    result.form = Form::kRanking;
    Messages prompt;
    for (int64_t at : path) prompt.push_back(message(of(at).role, of(at).text));
    result.prompt = std::move(prompt);
    result.ranks = ranks;
    std::string models;
    std::set<std::string> named;
    OrderedJson ids = OrderedJson::array();
    for (int64_t at : replies) {
      result.completions.emplace_back(assistant_turn(of(at).text));
      ids.push_back(of(at).id);
      const std::string writer = of(at).model.empty() ? "people" : of(at).model;
      if (named.insert(writer).second) models += (models.empty() ? "" : ", ") + writer;
    }
    result.axes = axes(replies);
    const OasstMessage& question = of(path.back());
    result.source = Source{"", question.id, "", models};
    result.extra["message_tree_id"] = question.tree;
    result.extra["message_ids"] = ids;
    if (!question.lang.empty()) result.extra["lang"] = question.lang;
    return result;
  }

  // The labels of the replies, in the order in which they first appear.
  std::vector<Axis> axes(const std::vector<int64_t>& replies) const {
    std::vector<Axis> result;
    for (size_t i = 0; i < replies.size(); ++i) {
      for (const OasstLabel& label : of(replies[i]).labels) {
        auto axis = std::find_if(result.begin(), result.end(),
                                 [&label](const Axis& one) { return one.name == label.name; });
        if (axis == result.end()) {
          result.push_back({label.name, std::vector<std::optional<double>>(replies.size())});
          axis = std::prev(result.end());
        }
        axis->values[i] = label.value;
      }
    }
    return result;
  }

  std::set<std::string> languages_;
  OasstTrees trees_;
};

}  // namespace

std::unique_ptr<Importer> make_oasst_importer(const ImportOptions& options) {
  return std::make_unique<OasstImporter>(options.languages);
}

}  // namespace attune::data
