// Whether sums of groups lie on one side more than chance allows, where what lies within a group
// hangs together: the pairs of one ranking, the judgements of one prompt.
//
// Pure; thread-safe.
#pragma once

#include <cstdint>
#include <span>

namespace attune::feedback {

// `differences`: of each group, how many of its choices fell one way less how many fell the other.
// By chance each is as likely to have the other sign (all the choices of a group together), so the
// p-value is the probability, over all signs, of a sum at least as far from 0: two-sided. Exact up
// to some thousands of groups, by the normal distribution beyond. Of groups with one choice each it
// is fair_coin_p_value (win_rate.h). 1 where every difference is 0. Source: Fisher, The Design of
// Experiments (1935), section 21.
double sign_flip_p_value(std::span<const int64_t> differences);

}  // namespace attune::feedback
