"""Writes bco.json: BCO's losses, gradients, rewards and running mean over three steps, by TRL 1.12.0,
the last version that has BCOTrainer.

  make_bco.py [output]

BCOTrainer.bco_loss is called on a stand-in `self` with fabricated sums of log-probabilities, in fp32;
its running mean is the trainer's own. Gradients are those of the mean over a step's completions.
"""

from types import SimpleNamespace

import torch
from stand_in import Accelerator, listed, normal, write
from trl.experimental.bco.bco_trainer import BCOTrainer, RunningMoments

BETA = 0.3
SIZES = [(4, 3), (1, 5), (6, 2)]  # desirable and undesirable completions of a step


def step(trainer, desirable, undesirable):
    count = desirable + undesirable
    reference = normal(count, mean=-30.0, spread=8.0)
    policy = (reference + normal(count, mean=0.5, spread=3.0)).requires_grad_(True)
    losses, chosen, rejected, delta = BCOTrainer.bco_loss(
        trainer, policy[:desirable], policy[desirable:], reference[:desirable], reference[desirable:],
        None, None)
    losses.mean().backward()
    return {"desirable": desirable, "policy": listed(policy), "reference": listed(reference),
            "losses": listed(losses), "gradient": listed(policy.grad),
            "rewards": listed(torch.cat((chosen, rejected))), "delta": float(delta)}


def main():
    trainer = SimpleNamespace(beta=BETA, running=RunningMoments(Accelerator()),
                              match_underlying_distribution=False)
    write("bco.json", {"beta": BETA, "steps": [step(trainer, *sizes) for sizes in SIZES]})


if __name__ == "__main__":
    main()
