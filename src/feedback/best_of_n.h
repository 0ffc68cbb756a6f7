// What best-of-n sampling gives, for every n up to N, from N judged answers to a prompt.
//
// The reward of the best of n answers under a proxy, unbiased over all choices of n among N (Nakano
// et al. 2021, WebGPT, appendix I): with the answers sorted by proxy reward, ascending,
//
//   E[gold of the best of n] = sum over i = n..N of C(i-1, n-1) / C(N, n) * gold(i)
//
// Answers with equal proxy rewards share their places: each counts the mean of their golds.
// KL(best of n || policy) = ln n - (n-1)/n nats, exact where no two answers are equal and an upper
// bound otherwise (Beirami et al. 2024, arXiv 2401.01879); curves are drawn over its root (Gao et
// al. 2022, arXiv 2210.10760). Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace attune::feedback {

// E[gold of the best of n by proxy] for n = 1 .. N. CHECKs equal sizes, at least one answer.
std::vector<double> best_of_n_rewards(std::span<const double> proxy, std::span<const double> gold);

// ln n - (n-1)/n
double best_of_n_kl(int64_t n);

}  // namespace attune::feedback
