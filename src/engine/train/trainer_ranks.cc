// What the Trainer does with other ranks (trainer.h): shares of rows and parameters, sums, and
// agreement on errors. With one rank each of these is what it always was.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "engine/comm/agreement.h"
#include "engine/tensor/guarded.h"
#include "engine/train/interrupt.h"
#include "engine/train/trainer.h"

#include <ATen/ops/empty.h>

namespace attune::engine::train {
namespace {

// Which of `ranks` gets each item so that their sums of `sizes` are about equal: the largest item
// first, each to the rank that has least. The same on every rank.
std::vector<int> balance(const std::vector<int64_t>& sizes, int ranks) {
  std::vector<size_t> order(sizes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return sizes[a] > sizes[b]; });
  std::vector<int64_t> loads(static_cast<size_t>(ranks), 0);
  std::vector<int> owners(sizes.size(), 0);
  for (size_t item : order) {
    const auto least = std::min_element(loads.begin(), loads.end());
    owners[item] = static_cast<int>(least - loads.begin());
    *least += sizes[item];
  }
  return owners;
}

}  // namespace

void Trainer::share_parameters(const optim::OptimizerOptions& options) {
  std::vector<int64_t> sizes;
  std::vector<Tensor> tensors;
  for (const optim::NamedTensor& parameter : setup_.parameters) {
    sizes.push_back(parameter.tensor.numel());
    tensors.push_back(parameter.tensor);
  }
  owners_ = balance(sizes, ranks_.size());
  std::vector<optim::NamedTensor> own;
  for (size_t i = 0; i < owners_.size(); ++i) {
    if (owners_[i] == ranks_.rank()) own.push_back(setup_.parameters[i]);
  }
  optimizer_ = optim::Optimizer::create(options, std::move(own));
  reducer_ = std::make_unique<comm::GradientReducer>(ranks_, std::move(tensors));
}

// The rows of an update that this rank computes, in their order.
std::vector<int64_t> Trainer::own_share(Split split, const std::vector<int64_t>& rows) const {
  if (ranks_.size() == 1) return rows;
  std::vector<int64_t> tokens;
  for (int64_t row : rows) tokens.push_back(method_.row_tokens(split, row));
  const std::vector<int> owners = balance(tokens, ranks_.size());
  std::vector<int64_t> own;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (owners[i] == ranks_.rank()) own.push_back(rows[i]);
  }
  return own;
}

// Sums loss and metrics over the ranks; the first rank's error, in their order, is everybody's.
Status Trainer::add_up(const Status& own, Measured* measured) {
  if (ranks_.size() == 1) return own;
  Json means = Json::object();
  for (const auto& [name, mean] : measured->means) means[name] = {mean.sum, mean.count};
  const Json mine = {{"loss", measured->loss}, {"sums", measured->metrics}, {"means", means}};
  *measured = {};
  const Result<std::string> line = own.ok() ? Result<std::string>(mine.dump()) : own.error();
  for (const std::string& line_of_rank : TRY(comm::gather_or_fail(ranks_, line))) {
    const Json part = TRY(parse_json(line_of_rank));
    measured->loss += TRY(get_double(part, "loss"));
    for (const auto& [name, sum] : part["sums"].items()) {
      measured->metrics[name] += sum.get<double>();
    }
    for (const auto& [name, mean] : part["means"].items()) {
      measured->means[name].sum += mean[0].get<double>();
      measured->means[name].count += mean[1].get<double>();
    }
  }
  return {};
}

bool Trainer::interrupted() {
  const bool own = interrupt_signal() != 0;
  if (ranks_.size() == 1) return own;
  const std::vector<std::string> all = ranks_.all_gather(own ? "1" : "0");
  return std::find(all.begin(), all.end(), "1") != all.end();
}

Status Trainer::record(const std::string& kind, const OrderedJson& fields) {
  return log_ == nullptr ? Status() : log_->write(kind, fields);
}

// On the first rank the state of every rank's parameters, for a checkpoint that any number of ranks
// can go on from.
Result<std::vector<optim::NamedTensor>> Trainer::whole_optimizer_state() {
  std::vector<optim::NamedTensor> own = optimizer_->state();
  if (ranks_.size() == 1) return own;
  return run_guarded({"collecting the optimiser's state", {}},
                     [&]() -> Result<std::vector<optim::NamedTensor>> {
    Json listed = Json::array();
    for (const optim::NamedTensor& tensor : own) {
      listed.push_back({tensor.name, tensor.tensor.sizes().vec()});
    }
    const auto like =
        at::TensorOptions(at::kFloat).device(setup_.parameters.front().tensor.device());
    std::vector<optim::NamedTensor> whole;
    const std::vector<std::string> lists = ranks_.all_gather(listed.dump());
    for (int rank = 0; rank < ranks_.size(); ++rank) {
      size_t at = 0;
      for (const Json& entry : TRY(parse_json(lists[static_cast<size_t>(rank)]))) {
        const auto sizes = entry[1].get<std::vector<int64_t>>();
        Tensor values = rank == ranks_.rank() ? own[at++].tensor : at::empty(sizes, like);
        ranks_.broadcast(values, rank);
        if (ranks_.is_first()) whole.push_back({entry[0].get<std::string>(), values});
      }
    }
    return whole;
  });
}

}  // namespace attune::engine::train
