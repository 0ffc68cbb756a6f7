// The attention kernels of every instruction set by themselves, against plain loops in double
// precision. As in kernels_alone_test.cc, without LibTorch.
#include "engine/ops/cpu/guarded_array.h"
#include "engine/ops/cpu/kernel_variants.h"

namespace attune::engine::ops::cpu {
namespace {

class AttentionAlone : public VariantTest {};

constexpr int64_t kHeads = 4, kKeyHeads = 2;

// A prompt of 75 tokens and its answer of 70; between them lies another answer, which this one must
// not see. The answer's queries come in tasks of at most 40.
constexpr int64_t kPrompt = 75, kOther = 9, kAnswer = 70, kTokens = kPrompt + kOther + kAnswer;
constexpr KeyRange kRanges[] = {{0, kPrompt, 0}, {kPrompt + kOther, 40, kPrompt},
                                {0, kPrompt, 0}, {kPrompt + kOther, kAnswer, kPrompt}};

std::vector<AttentionTask> tasks() {
  std::vector<AttentionTask> all;
  for (int64_t key_head = 0; key_head < kKeyHeads; ++key_head) {
    all.push_back({kPrompt + kOther, 40, kPrompt, key_head, kRanges, 2});
    all.push_back({kPrompt + kOther + 40, kAnswer - 40, kPrompt + 40, key_head, kRanges + 2, 2});
  }
  return all;
}

int64_t position_of(int64_t token) { return token < kPrompt ? token : token - kOther; }
bool sees(int64_t query, int64_t key, int64_t window) {
  const bool theirs = key >= kPrompt && key < kPrompt + kOther;
  const int64_t distance = position_of(query) - position_of(key);
  return !theirs && distance >= 0 && (window == 0 || distance < window);
}

struct Sizes {
  int64_t width, window;
  double scale() const { return 1 / std::sqrt(static_cast<double>(width)); }
};

// Of one query and head: probabilities of all tokens, and the log of the sum.
Exact probabilities(const Sizes& sizes, const Floats& q, const Floats& k, int64_t query,
                    int64_t head, double* log_sum) {
  Exact p(kTokens);
  double sum = 0;
  for (int64_t key = 0; key < kTokens; ++key) {
    if (!sees(query, key, sizes.window)) continue;
    double score = 0;
    for (int64_t d = 0; d < sizes.width; ++d) {
      score += static_cast<double>(q[(query * kHeads + head) * sizes.width + d]) *
               k[(key * kKeyHeads + head / 2) * sizes.width + d];
    }
    sum += p[static_cast<size_t>(key)] = std::exp(score * sizes.scale());
  }
  for (double& x : p) x /= sum;
  *log_sum = std::log(sum);
  return p;
}

struct Expected {
  Exact out, log_sums, d_q, d_k, d_v;
};

Expected expected(const Sizes& sizes, const Floats& q, const Floats& k, const Floats& v,
                  const Floats& outer) {
  const auto rows = static_cast<size_t>(kTokens * sizes.width);
  Expected e{Exact(rows * kHeads), Exact(kTokens * kHeads), Exact(rows * kHeads),
             Exact(rows * kKeyHeads), Exact(rows * kKeyHeads)};
  for (int64_t query = kPrompt + kOther; query < kTokens; ++query) {
    for (int64_t head = 0; head < kHeads; ++head) {
      const int64_t row = query * kHeads + head, from = row * sizes.width;
      const Exact p = probabilities(sizes, q, k, query, head,
                                    &e.log_sums[static_cast<size_t>(row)]);
      double delta = 0;  // sum of d_out * out
      Exact d_p(kTokens);
      for (int64_t key = 0; key < kTokens; ++key) {
        const auto j = static_cast<size_t>(key);
        const int64_t at = (key * kKeyHeads + head / 2) * sizes.width;
        for (int64_t d = 0; d < sizes.width; ++d) {
          e.out[static_cast<size_t>(from + d)] += p[j] * v[at + d];
          e.d_v[static_cast<size_t>(at + d)] += p[j] * outer[from + d];
          d_p[j] += static_cast<double>(outer[from + d]) * v[at + d];
        }
        delta += p[j] * d_p[j];
      }
      for (int64_t key = 0; key < kTokens; ++key) {
        const auto j = static_cast<size_t>(key);
        const double d_s = p[j] * (d_p[j] - delta) * sizes.scale();
        const int64_t at = (key * kKeyHeads + head / 2) * sizes.width;
        for (int64_t d = 0; d < sizes.width; ++d) {
          e.d_q[static_cast<size_t>(from + d)] += d_s * k[at + d];
          e.d_k[static_cast<size_t>(at + d)] += d_s * q[from + d];
        }
      }
    }
  }
  return e;
}

TEST_P(AttentionAlone, AnAnswerSeesItsPromptAndItself) {
  for (const Sizes sizes : {Sizes{16, 0}, Sizes{48, 0}, Sizes{64, 33}}) {
    const int64_t width = sizes.width;
    const Floats q(some_numbers(kTokens * kHeads * width, 1));
    const Floats k(some_numbers(kTokens * kKeyHeads * width, 2));
    const Floats v(some_numbers(kTokens * kKeyHeads * width, 3));
    const Floats outer(some_numbers(kTokens * kHeads * width, 4));
    const Expected exact = expected(sizes, q, k, v, outer);
    Floats out(q.size()), log_sums(kTokens * kHeads), delta(kTokens * kHeads), d_q(q.size());
    Floats d_k(k.size()), d_v(v.size()), scratch(kernels()->attention_scratch_floats(width));
    for (Floats* x : {&out, &log_sums, &delta, &d_q, &d_k, &d_v}) x->fill(0);
    AttentionProblem problem;
    problem.q = q.data();
    problem.k = k.data();
    problem.v = v.data();
    problem.heads = kHeads;
    problem.key_heads = kKeyHeads;
    problem.width = width;
    problem.scale = static_cast<float>(sizes.scale());
    problem.window = sizes.window;
    problem.out = out.data();
    problem.log_sums = log_sums.data();
    for (const AttentionTask& task : tasks()) kernels()->attention(problem, task, scratch.data());
    EXPECT_LT(difference(out, exact.out), 1e-5) << width;
    EXPECT_LT(difference(log_sums, exact.log_sums), 1e-5) << width;
    for (int64_t i = 0; i < out.size(); ++i) delta[i / width] += outer[i] * out[i];
    problem.d_out = outer.data();
    problem.delta = delta.data();
    problem.d_q = d_q.data();
    for (const AttentionTask& task : tasks()) {
      const int64_t offset = task.key_head * width;
      kernels()->attention_backward(
          problem, task, {d_k.data() + offset, d_v.data() + offset, 0, kKeyHeads * width},
          scratch.data());
    }
    EXPECT_LT(difference(d_q, exact.d_q), 1e-5) << width;
    EXPECT_LT(difference(d_k, exact.d_k), 1e-5) << width;
    EXPECT_LT(difference(d_v, exact.d_v), 1e-5) << width;
  }
}

TEST_P(AttentionAlone, AQueryOverCachedKeys) {
  for (int64_t width : {16, 64, 144}) {
    for (const bool biased : {false, true}) {
      const int64_t counts[] = {19, 1, 8}, count = 28;
      const Floats q(some_numbers(width, 1)), biases(some_numbers(count, 2));
      const Floats keys(some_numbers(count * width, 3)), values(some_numbers(count * width, 4));
      const int64_t lanes = kernels()->lanes;
      Floats out(width), weights((count + lanes - 1) / lanes * lanes);
      std::vector<CachedRun> runs;
      int64_t first = 0;
      for (int64_t n : counts) {
        runs.push_back({keys.data() + first * width, values.data() + first * width, n, first});
        first += n;
      }
      kernels()->attend_cached({q.data(), out.data(), width, count - 1, 0.125f,
                                biased ? biases.data() : nullptr, runs.data(), 3,
                                weights.data()});
      Exact exact(static_cast<size_t>(width));
      double sum = 0;
      for (int64_t key = 0; key < count; ++key) {
        double score = biased ? biases[key] : 0;
        for (int64_t d = 0; d < width; ++d) score += 0.125 * q[d] * keys[key * width + d];
        const double e = std::exp(score);
        sum += e;
        for (int64_t d = 0; d < width; ++d) {
          exact[static_cast<size_t>(d)] += e * values[key * width + d];
        }
      }
      for (double& x : exact) x /= sum;
      EXPECT_LT(difference(out, exact), 1e-5) << width;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, AttentionAlone, ::testing::ValuesIn(kernel_variants()),
                         variant_name);

}  // namespace
}  // namespace attune::engine::ops::cpu
