#include "engine/train/preferences/reference.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <chrono>

#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"
#include "engine/comm/agreement.h"
#include "engine/models/decoder_config.h"
#include "engine/tensor/guarded.h"
#include "engine/train/lineage.h"
#include "engine/train/packing.h"
#include "text/same_ids.h"
#include "weights/model_files.h"
#include "weights/model_text.h"

namespace attune::engine::train {
namespace {

// Numbers of one tokenizer mean nothing to a model of another.
Status check_same_tokenizer(const weights::ModelFiles& files, const std::string& adapter,
                            const text::Tokenizer& own, int64_t trained_rows) {
  const weights::ModelText other = TRY(weights::load_model_text(files, adapter));
  const int64_t rows =
      std::min(trained_rows, TRY(models::decoder_config(files.config())).vocabulary);
  const auto differs = text::first_difference(other.tokenizer, own, rows);
  if (!differs) return {};
  return invalid_input(
      "{}: {}: its token {} is \"{}\", and the model's is \"{}\"; the reference must have the "
      "tokenizer of the model that is trained",
      kReferenceOption, adapter.empty() ? files.path() : adapter, differs->id, differs->one,
      differs->other);
}

Result<std::unique_ptr<models::Decoder>> load_frozen(const weights::ModelFiles& files,
                                                     const TrainingRun& run,
                                                     const std::string& quantize) {
  models::LoadOptions options;
  options.dtype = run.dtype() == "bfloat16" ? at::kBFloat16 : at::kFloat;
  options.device = run.device();
  options.quantize = quantize;
  return run_guarded({"loading " + files.path(), {}},
                     [&] { return models::Decoder::load(files, options); });
}

std::string cache_key(const std::string& identity, bool tokens,
                      const std::vector<const models::TokenTree*>& trees) {
  Sha256 hash;
  const std::string head = fmt::format("reference log-probs 1|{}|{}|", identity, tokens);
  hash.update(head.data(), head.size());
  const auto add = [&](const std::vector<int32_t>& ids) {
    const uint64_t size = ids.size();
    hash.update(&size, sizeof(size));
    hash.update(ids.data(), ids.size() * sizeof(int32_t));
  };
  for (const models::TokenTree* tree : trees) {
    const uint64_t branches = tree == nullptr ? 0 : tree->branches.size();
    hash.update(&branches, sizeof(branches));
    if (tree == nullptr) continue;
    add(tree->prompt);
    for (const models::TokenBranch& branch : tree->branches) {
      add(branch.ids);
      hash.update(&branch.first, sizeof(branch.first));
    }
  }
  return hash.hex().substr(0, 32);
}

// The file of this key; files of the same name and other keys are of no more use.
Result<std::string> cache_path(const ReferenceRequest& request, bool is_first,
                               const std::string& key) {
  const std::string file = fmt::format("{}-{}.safetensors", request.name, key);
  if (!is_first) return join_path(request.folder, file);
  for (const std::string& name : TRY(list_directory(request.folder))) {
    if (name.starts_with(request.name + "-") && name != file) {
      TRY(remove_all(join_path(request.folder, name)));
    }
  }
  return join_path(request.folder, file);
}

}  // namespace

Result<ReferenceModel> ReferenceModel::open(const protocol::Job& job, TrainingRun& run) {
  const std::string dtype = run.dtype();
  const auto other = job.models.find(kReferenceOption);
  if (other != job.models.end()) {
    const auto files = TRY(weights::ModelFiles::open(other->second.model));
    TRY(check_same_tokenizer(files, other->second.adapter, run.text().tokenizer,
                             run.config().vocabulary));
    const std::string quantize = TRY(read_quantize(job.config));
    auto decoder = TRY(load_frozen(files, run, quantize));
    std::vector<std::string> stack;
    if (!other->second.adapter.empty()) {
      TRY(decoder->adapters().load(kReferenceAdapter, other->second.adapter));
      stack = {kReferenceAdapter};
    }
    const std::string identity = TRY(lineage_hash(job.output_dir, {kReferenceOption}));
    return ReferenceModel(std::move(decoder), std::move(stack),
                          identity + "|" + dtype + "|" + quantize);
  }
  const std::string identity = TRY(lineage_hash(job.output_dir, {"model", "adapter"}));
  std::vector<std::string> stack;
  if (!job.adapter.empty()) {  // training goes on with an adapter: what it was stays
    nn::Adapters& adapters = run.decoder().adapters();
    if (adapters.find(kReferenceAdapter) == nullptr) {
      TRY(adapters.load(kReferenceAdapter, job.adapter));
    }
    stack = {kReferenceAdapter};
  }
  return ReferenceModel(run.decoder(), std::move(stack), identity + "|" + dtype);
}

Result<ReferenceModel> ReferenceModel::copy_of_start(const protocol::Job& job, TrainingRun& run) {
  const auto files = TRY(weights::ModelFiles::open(job.model));
  auto decoder = TRY(load_frozen(files, run, ""));
  return ReferenceModel(std::move(decoder), {}, "moves");
}

models::BranchLogProbs ReferenceModel::pass(const models::TreeBatch& batch, int64_t chunk_rows) {
  c10::NoGradGuard no_grad;
  models::ForwardOptions forward;
  forward.adapters.stack = stack_;
  ops::LogProbOptions wanted;
  wanted.chunk_rows = chunk_rows;
  return models::branch_log_probs(*decoder_, batch, forward, wanted);
}

// Each rank computes its share of the passes.
Status ReferenceModel::compute(const ReferenceRequest& request, comm::Communicator& ranks,
                               const std::vector<const models::TokenTree*>& trees,
                               ReferenceLogProbs* values) {
  std::vector<int64_t> lengths;
  for (const models::TokenTree* tree : trees) {
    lengths.push_back(tree == nullptr ? 0 : tree->tokens());
  }
  const auto passes = best_fit_decreasing(lengths, request.max_tokens);
  log_info("computing the reference's log-probs of the {} rows in {} passes", request.name,
           passes.size());
  const auto started = std::chrono::steady_clock::now();
  const Status own = run_guarded({"the reference's log-probs", {}}, [&] {
    for (size_t i = 0; i < passes.size(); ++i) {
      if (i % static_cast<size_t>(ranks.size()) != static_cast<size_t>(ranks.rank())) {
        values->leave_to_others(passes[i]);
        continue;
      }
      models::TreeBatch batch;
      for (int64_t row : passes[i]) batch.add(*trees[static_cast<size_t>(row)]);
      values->set(passes[i], pass(batch, request.chunk_rows));
    }
  });
  TRY(comm::agree(ranks, own));
  values->add_up(ranks);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
  values->set_seconds(elapsed.count());
  return {};
}

Result<ReferenceLogProbs> ReferenceModel::log_probs(
    const ReferenceRequest& request, const std::vector<const models::TokenTree*>& trees) {
  const auto alone = comm::single_process();
  comm::Communicator& ranks = request.ranks == nullptr ? *alone : *request.ranks;
  ReferenceLogProbs values(trees, request.tokens);
  std::string path;
  if (!request.folder.empty()) {
    const std::string key = cache_key(identity_, request.tokens, trees);
    path = TRY(cache_path(request, ranks.is_first(), key));
    auto cached = ReferenceLogProbs::load(path, values);
    const auto found = ranks.all_gather(cached ? "1" : "0");
    if (std::count(found.begin(), found.end(), "1") == ranks.size()) {
      log_info("reference log-probs of the {} rows: as in {}", request.name, path);
      return std::move(*cached);
    }
  }
  TRY(compute(request, ranks, trees, &values));
  if (const auto row = values.first_bad_row()) {
    return invalid_input(
        "the reference gives row {} of the {} rows no finite log-prob; its weights are damaged or "
        "too large for the run's precision (dtype)",
        *row + 1, request.name);
  }
  const bool saves = !path.empty() && ranks.is_first();
  TRY(comm::agree(ranks, saves ? values.save(path) : Status()));
  return values;
}

}  // namespace attune::engine::train
