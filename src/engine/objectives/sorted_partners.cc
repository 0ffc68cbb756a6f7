#include "engine/objectives/sorted_partners.h"

#include <ATen/ops/argsort.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/sort.h>

namespace attune::engine::objectives {
namespace {

// For each element of `values`, the element of `others` that has the same rank.
Tensor same_rank(const Tensor& values, const Tensor& others) {
  const Tensor order = at::argsort(values, /*stable=*/true, /*dim=*/0, /*descending=*/false);
  const Tensor sorted = std::get<0>(at::sort(others, /*stable=*/true, 0, /*descending=*/false));
  Tensor partner = at::empty_like(sorted);
  partner.index_copy_(0, order, sorted);
  return partner;
}

}  // namespace

SortedPartners SortedPartners::at_rows(const Tensor& rows) const {
  const Tensor index = rows.to(reference_difference.device());
  const auto pick = [&](const Tensor& x) { return at::index_select(x, 0, index); };
  return {pick(reference_difference), pick(rejected_ratio), pick(chosen_ratio)};
}

SortedPartners sorted_partners(const Tensor& policy_chosen, const Tensor& policy_rejected,
                               const Tensor& reference_chosen, const Tensor& reference_rejected) {
  const Tensor chosen = policy_chosen.detach(), rejected = policy_rejected.detach();
  const Tensor chosen_ratio = chosen - reference_chosen.detach();
  const Tensor rejected_ratio = rejected - reference_rejected.detach();
  const Tensor reference_difference = (reference_chosen - reference_rejected).detach();
  return {same_rank(chosen - rejected, reference_difference),
          same_rank(chosen_ratio, rejected_ratio), same_rank(rejected_ratio, chosen_ratio)};
}

}  // namespace attune::engine::objectives
