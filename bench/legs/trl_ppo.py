"""PPO with TRL's PPOTrainer, which TRL 1.12 was the last to have: trl_ppo.py MODEL REWARD ROWS ANSWERS OPTIONS,
where REWARD is a sequence-classification folder (the value model starts from it too), ROWS are prompts
and OPTIONS is JSON for PPOConfig. The last line of output is JSON with one list entry a step.

ANSWERS has {"prompt", "completion"} of the first step: TRL samples as ever, and what it sampled is
replaced by these, so that what it makes of them can be compared. Later steps keep their own samples.
"""

import json
import sys

import trl_clock
import torch
import trl
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer
from trl.experimental.ppo import PPOConfig, PPOTrainer, ppo_trainer

METRICS = ("objective/scores", "objective/entropy", "objective/kl", "loss/policy_avg",
           "loss/value_avg")


class Sampler:
    """In the place of TRL's sampling: counts what it did, and answers the first step itself."""

    def __init__(self, tokenizer, answers, length):
        self.sample, self.counts = ppo_trainer.batch_generation, []
        self.answers = {}
        for row in answers:
            prompt = tuple(tokenizer(row["prompt"])["input_ids"])
            whole = tokenizer(row["prompt"] + row["completion"])["input_ids"]
            if tuple(whole[:len(prompt)]) != prompt or len(whole) != len(prompt) + length:
                raise SystemExit("an answer is tokenised in another way than it was sampled; choose "
                                 f"another SEED in rows/ppo.py: {row}")
            self.answers[prompt] = whole[len(prompt):]

    def __call__(self, model, queries, batch, pad, generation):
        sampled, logits = self.sample(model, queries, batch, pad, generation)
        context = queries.shape[1]
        self.counts.append({"prompts": queries.shape[0], "prompt_tokens": int((queries != pad).sum()),
                            "response_tokens": int((sampled[:, context:] != pad).sum())})
        if len(self.counts) > 1:
            return sampled, logits
        given = [self.answers[tuple(query[query != pad].tolist())] for query in queries]
        whole = torch.cat((queries, torch.tensor(given)), dim=1)
        with torch.no_grad():
            logits = ppo_trainer.forward(model, whole, pad).logits[:, context - 1:-1]
        return whole, logits / generation.temperature


def reward_model(folder):
    return AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1,
                                                              dtype=torch.float32)


def main():
    model, reward, rows, answers, options = sys.argv[1:]
    tokenizer = AutoTokenizer.from_pretrained(reward, padding_side="left")
    options = json.loads(options)
    with open(answers) as file:
        sampler = Sampler(tokenizer, [json.loads(line) for line in file], options["response_length"])
    ppo_trainer.batch_generation = sampler
    policy = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)

    class OnPrompts(PPOTrainer):
        def __init__(self, train_dataset, **more):
            ids = train_dataset.map(lambda row: {"input_ids": tokenizer(row["prompt"])["input_ids"]},
                                    remove_columns=train_dataset.column_names)
            super().__init__(train_dataset=ids, eval_dataset=ids, **more)

    _, clock = trl_clock.run(OnPrompts, PPOConfig, policy, rows,
                             {**options, "num_sample_generations": 0},
                             processing_class=tokenizer, ref_model=None,
                             reward_model=reward_model(reward), value_model=reward_model(reward))
    versions = {"trl": trl.__version__, "torch": torch.__version__}
    trl_clock.say(clock, sampler.counts, versions=versions,
                  metrics={name: clock.column(name) for name in METRICS})


if __name__ == "__main__":
    main()
