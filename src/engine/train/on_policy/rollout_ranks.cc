#include "engine/train/on_policy/rollout_ranks.h"

#include <cstring>
#include <span>
#include <type_traits>

#include "base/check.h"
#include "engine/comm/agreement.h"
#include "engine/tensor/guarded.h"

namespace attune::engine::train {
namespace {

bool alone(const comm::Communicator* ranks) { return ranks == nullptr || ranks->size() == 1; }

RowShare share_of(const comm::Communicator& ranks) { return {ranks.rank(), ranks.size()}; }

// Numbers as the bytes they are, lists with their length before them: what goes from one process of
// this very program to another.
class Writer {
 public:
  template <typename T>
  void number(T value) {
    static_assert(std::is_arithmetic_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  template <typename T>
  void list(std::span<const T> values) {
    number<uint64_t>(values.size());
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  }
  void text(const std::string& value) { list(std::span<const char>(value)); }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(const std::string& bytes) : bytes_(bytes) {}
  template <typename T>
  T number() {
    T value;
    copy(&value, sizeof(value));
    return value;
  }
  template <typename Values>
  Values list() {
    Values values;
    values.resize(number<uint64_t>());
    copy(values.data(), values.size() * sizeof(typename Values::value_type));
    return values;
  }

 private:
  void copy(void* to, size_t bytes) {
    CHECK(bytes <= bytes_.size() - at_, "another rank sent too little");
    if (bytes > 0) std::memcpy(to, bytes_.data() + at_, bytes);
    at_ += bytes;
  }

  const std::string& bytes_;
  size_t at_ = 0;
};

void write(const Rollout& rollout, Writer& to) {
  to.number(rollout.row);
  to.number<uint64_t>(rollout.samples.size());
  for (size_t i = 0; i < rollout.samples.size(); ++i) {
    const models::TokenBranch& branch = rollout.tree.branches[i];
    const RolloutSample& sample = rollout.samples[i];
    to.list(std::span<const int32_t>(branch.ids));
    to.number(branch.first);
    to.list(std::span<const float>(sample.log_probs));
    to.list(std::span<const float>(sample.values));
    to.text(sample.text);
    to.number(sample.ended);
    to.number(sample.score);
  }
}

Rollout read_rollout(Reader& from, const std::vector<PromptRow>& prompts) {
  Rollout rollout;
  rollout.row = from.number<int64_t>();
  rollout.tree.prompt = prompts.at(static_cast<size_t>(rollout.row)).ids;
  const auto samples = from.number<uint64_t>();
  for (uint64_t i = 0; i < samples; ++i) {
    auto ids = from.list<std::vector<int32_t>>();
    rollout.tree.branches.push_back({std::move(ids), from.number<int64_t>()});
    RolloutSample sample;
    sample.log_probs = from.list<std::vector<float>>();
    sample.values = from.list<std::vector<float>>();
    sample.text = from.list<std::string>();
    sample.ended = from.number<bool>();
    sample.score = from.number<double>();
    rollout.samples.push_back(std::move(sample));
  }
  return rollout;
}

struct Share {
  std::vector<Rollout> rollouts;
  std::map<std::string, RewardTotals> totals;
};

std::string to_bytes(const Share& share) {
  Writer to;
  to.number<uint64_t>(share.rollouts.size());
  for (const Rollout& rollout : share.rollouts) write(rollout, to);
  to.number<uint64_t>(share.totals.size());
  for (const auto& [name, totals] : share.totals) {
    to.text(name);
    for (double part : {totals.count, totals.sum, totals.squares}) to.number(part);
  }
  return to.take();
}

Share read_share(const std::string& bytes, const std::vector<PromptRow>& prompts) {
  Reader from(bytes);
  Share share;
  const auto rollouts = from.number<uint64_t>();
  for (uint64_t i = 0; i < rollouts; ++i) share.rollouts.push_back(read_rollout(from, prompts));
  const auto totals = from.number<uint64_t>();
  for (uint64_t i = 0; i < totals; ++i) {
    const auto name = from.list<std::string>();
    RewardTotals& of = share.totals[name];
    of.count = from.number<double>();
    of.sum = from.number<double>();
    of.squares = from.number<double>();
  }
  return share;
}

std::string to_bytes(const KindsOfValues& kinds) {
  Writer to;
  for (const SampleValues& kind : kinds) {
    to.number<uint64_t>(kind.size());
    for (const std::vector<float>& sample : kind) to.list(std::span<const float>(sample));
  }
  return to.take();
}

// The next sample's values of every kind that has any.
class ValuesReader {
 public:
  ValuesReader(const std::string& bytes, size_t kinds) {
    Reader from(bytes);
    kinds_.resize(kinds);
    for (SampleValues& kind : kinds_) {
      const auto samples = from.number<uint64_t>();
      for (uint64_t i = 0; i < samples; ++i) kind.push_back(from.list<std::vector<float>>());
    }
  }

  void move_next(size_t samples, KindsOfValues* whole) {
    for (size_t k = 0; k < kinds_.size(); ++k) {
      if (kinds_[k].empty()) continue;
      CHECK(next_ + samples <= kinds_[k].size(), "another rank sent too few values");
      for (size_t i = 0; i < samples; ++i) {
        (*whole)[k].push_back(std::move(kinds_[k][next_ + i]));
      }
    }
    next_ += samples;
  }

 private:
  KindsOfValues kinds_;
  size_t next_ = 0;
};

Result<Share> answer_share(const std::vector<PromptRow>& prompts, const ShareFunction& answer,
                           const RowShare& share, RewardSource* reward) {
  return run_guarded({"answering the step's prompts", {}}, [&]() -> Result<Share> {
    Share own;
    own.rollouts = TRY(answer(share));
    if (reward == nullptr || own.rollouts.empty()) return own;
    TRY(score_rollouts(*reward, prompts, &own.rollouts));
    own.totals = reward->totals();
    return own;
  });
}

}  // namespace

Result<Answers> answer_together(comm::Communicator* ranks, const std::vector<PromptRow>& prompts,
                                const ShareFunction& answer, RewardSource* reward) {
  Answers answers;
  if (alone(ranks)) {
    Share own = TRY(answer_share(prompts, answer, {}, reward));
    add_reward_totals(own.totals, &answers.metrics);
    answers.rollouts = std::move(own.rollouts);
    return answers;
  }
  const auto own = answer_share(prompts, answer, share_of(*ranks), reward);
  const auto parts = TRY(comm::gather_or_fail(
      *ranks, own.ok() ? Result<std::string>(to_bytes(*own)) : own.error()));
  std::vector<Share> shares;
  std::map<std::string, RewardTotals> totals;
  size_t count = 0;
  for (const std::string& part : parts) {
    shares.push_back(read_share(part, prompts));
    count += shares.back().rollouts.size();
    for (const auto& [name, of] : shares.back().totals) totals[name].add(of);
  }
  add_reward_totals(totals, &answers.metrics);
  for (size_t place = 0; place < count; ++place) {
    std::vector<Rollout>& from = shares[place % shares.size()].rollouts;
    answers.rollouts.push_back(std::move(from.at(place / shares.size())));
  }
  return answers;
}

Result<KindsOfValues> compute_together(
    comm::Communicator* ranks, const std::vector<Rollout>& rollouts,
    const std::function<KindsOfValues(const std::vector<Rollout>&)>& compute) {
  const Operation operation{"asking about the sampled answers", {}};
  if (alone(ranks)) return run_guarded(operation, [&] { return compute(rollouts); });
  const RowShare share = share_of(*ranks);
  std::vector<Rollout> own;
  for (size_t i = 0; i < rollouts.size(); ++i) {
    if (share.has(i)) own.push_back(rollouts[i]);
  }
  const auto values = run_guarded(operation, [&] { return compute(own); });
  const auto parts = TRY(comm::gather_or_fail(
      *ranks, values.ok() ? Result<std::string>(to_bytes(*values)) : values.error()));
  std::vector<ValuesReader> readers;
  for (const std::string& part : parts) readers.emplace_back(part, values->size());
  KindsOfValues whole(values->size());
  for (size_t i = 0; i < rollouts.size(); ++i) {
    readers[i % readers.size()].move_next(rollouts[i].samples.size(), &whole);
  }
  return whole;
}

Result<SampleValues> log_probs_together(comm::Communicator* ranks, models::Decoder& decoder,
                                        const std::vector<Rollout>& rollouts,
                                        const RolloutForward& forward) {
  KindsOfValues kinds = TRY(compute_together(ranks, rollouts, [&](const auto& some) {
    return KindsOfValues{rollout_log_probs(decoder, some, forward)};
  }));
  return std::move(kinds.front());
}

}  // namespace attune::engine::train
