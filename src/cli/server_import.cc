#include "cli/server_import.h"

#include <algorithm>

#include "base/log.h"

namespace attune::cli {
namespace {

constexpr size_t kRecordsPerCall = 250;

}  // namespace

Result<std::unique_ptr<ServerImport>> ServerImport::open(const std::string& address) {
  ServerDataset dataset = TRY(parse_server_dataset(address));
  ServerClient client = TRY(ServerClient::open(dataset.server));
  return std::unique_ptr<ServerImport>(new ServerImport(std::move(dataset), std::move(client)));
}

Status ServerImport::create(const api::RecordLayout& layout) {
  const std::string workspace = TRY(client_.workspace_id(dataset_.workspace));
  if (workspace.empty()) {
    return not_found("{}: there is no workspace {} that this key may see; make it first",
                     dataset_.server, dataset_.workspace);
  }
  const OrderedJson made = TRY(client_.send(
      "POST", "/api/v1/datasets", {{"name", dataset_.name}, {"workspace_id", workspace}}));
  id_ = made.at("id").get<std::string>();
  const std::string path = "/api/v1/datasets/" + id_;
  for (const OrderedJson& field : api::fields_of(layout)) {
    TRY(client_.send("POST", path + "/fields", field));
  }
  for (const OrderedJson& question : api::questions_of(layout)) {
    TRY(client_.send("POST", path + "/questions", question));
  }
  TRY(client_.send("PUT", path + "/publish", OrderedJson()));
  log_info("made the data set {}", name());
  return {};
}

Status ServerImport::prepare(const api::RecordLayout& layout) {
  id_ = TRY(client_.dataset_id(dataset_));
  if (id_.empty()) TRY(create(layout));
  const OrderedJson questions = TRY(client_.get("/api/v1/datasets/" + id_ + "/questions"));
  const std::string wanted = api::questions_of(layout)[0].at("name").get<std::string>();
  layout_ = layout;
  for (const OrderedJson& question : questions.at("items")) {
    if (question.at("name") != wanted) continue;
    question_id_ = question.at("id").get<std::string>();
    if (layout.candidates > 0) layout_->candidates = question.at("settings").at("options").size();
  }
  const OrderedJson fields = TRY(client_.get("/api/v1/datasets/" + id_ + "/fields"));
  for (const OrderedJson& field : fields.at("items")) {
    if (field.at("name") != "prompt") continue;
    layout_->chat = field.at("settings").at("type") == "chat";
  }
  if (question_id_.empty()) {
    return conflict("the data set {} has no question named {}: name another one", name(), wanted);
  }
  return {};
}

Status ServerImport::begin() {
  api::RecordLayout layout;
  for (const data::Example& example : waiting_) {
    const api::RecordLayout one = TRY(api::layout_of(example));
    layout.chat = layout.chat || one.chat;
    layout.candidates = std::max(layout.candidates, one.candidates);
  }
  TRY(prepare(layout));
  for (const data::Example& example : waiting_) TRY(put(example));
  waiting_.clear();
  return {};
}

Status ServerImport::add(const data::Example& example) {
  if (layout_) return put(example);
  waiting_.push_back(example);
  return waiting_.size() < kRecordsPerCall ? Status() : begin();
}

Status ServerImport::put(const data::Example& example) {
  Result<OrderedJson> record = api::fitting_record(example, *layout_, question_id_);
  if (!record.ok()) {
    return record.error().with_context(name());
  }
  external_ids_.tell_apart(*record);
  batch_.push_back(std::move(*record));
  return batch_.size() < kRecordsPerCall ? Status() : send();
}

Status ServerImport::send() {
  if (batch_.empty()) return {};
  TRY(client_.send("PUT", "/api/v1/datasets/" + id_ + "/records/bulk", {{"items", batch_}}));
  sent_ += static_cast<int64_t>(batch_.size());
  batch_.clear();
  return {};
}

Result<ServerImport::Account> ServerImport::finish() {
  if (!waiting_.empty()) TRY(begin());
  TRY(send());
  Account account{.sent = sent_};
  if (id_.empty()) return account;
  // Everything is stored by now: that this figure cannot be had does not make the import fail.
  const auto progress = client_.get("/api/v1/datasets/" + id_ + "/progress");
  if (progress.ok() && progress->is_object() && progress->contains("total") &&
      progress->at("total").is_number_integer()) {
    account.in_all = progress->at("total").get<int64_t>();
  }
  return account;
}

}  // namespace attune::cli
