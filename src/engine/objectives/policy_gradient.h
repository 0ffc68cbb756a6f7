// Learning from sampled completions, in the order in which a step uses it:
//
//   rollout_rewards.h    KL terms, the EOS rule, rewards of tokens, the KL controller
//   advantages.h         GAE, discounted returns, whitening: PPO, REINFORCE++
//   group_advantages.h   advantages from several completions of a prompt: RLOO, GRPO
//   ppo.h                clipped policy and value losses by token: PPO, REINFORCE++
//   group_policy.h       clipped losses by token or completion: GRPO and its kin, RLOO
#pragma once

#include "engine/objectives/advantages.h"
#include "engine/objectives/group_advantages.h"
#include "engine/objectives/group_policy.h"
#include "engine/objectives/ppo.h"
#include "engine/objectives/rollout_rewards.h"
