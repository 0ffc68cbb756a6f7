"""Generates with Transformers as rollout_bench does with ours: transformers_rollout.py FOLDER PROMPTS.json
NEW_TOKENS, where FOLDER holds the model in fp32. One batch, padded on the left. Prints one JSON line."""

import json
import sys
import time

import torch
import transformers


def main():
    folder, prompts, count = sys.argv[1], json.load(open(sys.argv[2])), int(sys.argv[3])
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.generation_config = transformers.GenerationConfig()
    width = max(len(prompt) for prompt in prompts)
    ids = torch.tensor([[2] * (width - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])

    def generate(tokens):
        with torch.inference_mode():
            return model.generate(ids, attention_mask=mask, do_sample=False, pad_token_id=2,
                                  max_new_tokens=tokens, min_new_tokens=tokens)

    generate(2)
    begin = time.perf_counter()
    result = generate(count)
    seconds = time.perf_counter() - begin
    print(json.dumps({"program": f"transformers {transformers.__version__}",
                      "threads": torch.get_num_threads(),
                      "tokens_per_second": len(prompts) * count / seconds,
                      "ids": result[:, width:].tolist()}))


if __name__ == "__main__":
    main()
