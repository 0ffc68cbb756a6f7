"""A reward model to start from: reward_model.py MODEL FOLDER writes MODEL with a seeded score head as
a sequence-classification folder that both sides read. Its pad token is one that no row has."""

import sys

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer


def main():
    source, folder = sys.argv[1:]
    model = AutoModelForSequenceClassification.from_pretrained(source, num_labels=1,
                                                               dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(source)
    tokenizer.pad_token = "<|endoftext|>"
    model.config.pad_token_id = tokenizer.pad_token_id
    width = model.score.weight.shape[1]
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        model.score.weight.copy_(torch.randn(1, width, generator=generator) / (width + 1) ** 0.5)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main()
