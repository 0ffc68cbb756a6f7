"""Writes ppo_trl.json: what PPOTrainer of TRL 1.12.0, the last version that has it, says of one step of
the case "trl" of ppo_tiny.json (make_ppo.py): the same models, frozen rollouts and scores, in fp32.

  make_ppo_trl.py

The trainer's own loop runs; only its sampling and the reward model's scores are replaced by the frozen
ones. TRL samples to the full length, so each answer goes on with other tokens behind its end, which
the loop must leave out. Means that TRL takes over padding too (approxkl, ratio) are not recorded.
"""

import json
import os
import tempfile

import torch
import transformers
import trl
from datasets import Dataset
from transformers import AutoTokenizer, LlamaForCausalLM, LlamaForSequenceClassification
from trl.experimental.ppo import PPOConfig, PPOTrainer, ppo_trainer

HERE = os.path.dirname(os.path.abspath(__file__))
TINY = os.path.join(HERE, "tiny")
DOUBLE = torch.float64
PAD, EOS, BEHIND = 0, 2, 5
METRICS = ["objective/kl", "objective/entropy", "objective/non_score_reward", "objective/rlhf_reward",
           "objective/scores", "policy/clipfrac_avg", "loss/policy_avg", "loss/value_avg", "val/clipfrac_avg"]


def add_pattern(model, scale, stretch):
    """As make_ppo.py: scale * sin(stretch * i + length of the name) on element i of each parameter."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            wave = torch.sin(torch.arange(parameter.numel(), dtype=DOUBLE) * stretch + len(name)) * scale
            parameter.copy_((parameter.double() + wave.view_as(parameter)).float())
    return model


def value_model():
    model = LlamaForSequenceClassification.from_pretrained(TINY, num_labels=1, dtype=torch.float32)
    add_pattern(model, 0.04, 0.53)
    with torch.no_grad():
        width = model.score.weight.numel()
        model.score.weight.copy_((torch.sin(torch.arange(width, dtype=DOUBLE) * 0.9 + 1) * 0.2).float().view(1, -1))
    return model


def freeze(rollouts, length, reward_model):
    """Puts the frozen answers and scores in the place of TRL's sampling and of its reward model."""
    by_prompt = {tuple(row["prompt"]): row for row in rollouts}
    prompt_of = lambda ids: tuple(ids[ids != PAD].tolist())  # noqa: E731
    own_reward = ppo_trainer.get_reward

    def generate(model, queries, batch, pad, generation):
        answers = []
        for query in queries:
            answer = by_prompt[prompt_of(query)]["answer"]
            answers.append(answer + [BEHIND] * (length - len(answer)))
        whole = torch.cat((queries, torch.tensor(answers)), 1)
        logits = ppo_trainer.forward(model, whole, pad).logits[:, queries.shape[1] - 1:-1]
        return whole, logits / generation.temperature

    def get_reward(model, whole, pad, context):
        if model is not reward_model:
            return own_reward(model, whole, pad, context)
        return None, torch.tensor([by_prompt[prompt_of(row[:context])]["score"] for row in whole]), None

    ppo_trainer.batch_generation, ppo_trainer.get_reward = generate, get_reward


class Keeping(PPOTrainer):
    """Keeps what the trainer logs."""

    kept = None

    def log(self, logs, *_):
        self.kept = self.kept or logs


def main():
    with open(os.path.join(HERE, "ppo_tiny.json")) as file:
        plain = json.load(file)
    case = plain["cases"][0]["config"]
    tokenizer = AutoTokenizer.from_pretrained(TINY, padding_side="left")
    tokenizer.pad_token, tokenizer.eos_token = tokenizer.convert_ids_to_tokens([PAD, EOS])
    reward = LlamaForSequenceClassification.from_pretrained(TINY, num_labels=1, dtype=torch.float32)
    freeze(plain["rollouts"], case["response_length"], reward)
    taken = ["temperature", "response_length", "kl_coef", "kl_estimator", "whiten_rewards", "gamma", "lam",
             "cliprange", "cliprange_value", "vf_coef", "num_ppo_epochs", "learning_rate"]
    count = len(plain["rollouts"])
    with tempfile.TemporaryDirectory() as output:
        config = PPOConfig(output_dir=output, report_to=[], save_strategy="no", use_cpu=True, bf16=False,
                           total_episodes=count, per_device_train_batch_size=count, num_mini_batches=1,
                           num_sample_generations=0, stop_token_id=EOS, missing_eos_penalty=case["eos_penalty"],
                           disable_tqdm=True, **{name: case[name] for name in taken})
        rows = Dataset.from_list([{"input_ids": row["prompt"]} for row in plain["rollouts"]])
        trainer = Keeping(args=config, processing_class=tokenizer, train_dataset=rows, eval_dataset=rows,
                          model=add_pattern(LlamaForCausalLM.from_pretrained(TINY, dtype=torch.float32), 0.05, 0.37),
                          ref_model=LlamaForCausalLM.from_pretrained(TINY, dtype=torch.float32),
                          reward_model=reward, value_model=value_model())
        trainer.train()
    versions = {"trl": trl.__version__, "torch": torch.__version__, "transformers": transformers.__version__}
    with open(os.path.join(HERE, "ppo_trl.json"), "w") as file:
        json.dump({"versions": versions, "metrics": {name: trainer.kept[name] for name in METRICS}}, file, indent=1)
        file.write("\n")


main()
