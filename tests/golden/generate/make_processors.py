"""Records what Transformers' logits processors make of logits, in the order in which generate() runs
them. Writes processors.json beside this file: for each case the logits, the tokens seen so far, the
options, and the probabilities that are left (0 for what a processor removed).

    python tests/golden/generate/make_processors.py
"""

import json
import pathlib

import torch
import transformers

HERE = pathlib.Path(__file__).parent
VOCABULARY = 60
EOS = 7

OPTIONS = [
    {},
    {"temperature": 0.6},
    {"temperature": 1.7},
    {"top_k": 5},
    {"top_k": 200},
    {"top_p": 0.3},
    {"top_p": 0.9},
    {"top_p": 0.999},
    {"min_p": 0.05},
    {"min_p": 0.6},
    {"repetition_penalty": 1.3},
    {"repetition_penalty": 0.8},
    {"min_new_tokens": 3},
    {"temperature": 0.7, "top_k": 20, "top_p": 0.8},
    {"temperature": 1.4, "top_p": 0.85, "min_p": 0.1},
    {"repetition_penalty": 1.2, "temperature": 1.5, "top_k": 12, "top_p": 0.9, "min_p": 0.05,
     "min_new_tokens": 3},
]


def processed(logits, prompt, answer, options):
    """generate()'s own list of processors on one row of scores."""
    config = transformers.GenerationConfig(do_sample=True, eos_token_id=EOS,
                                           **{"top_k": 0, "top_p": 1.0, **options})
    config._eos_token_tensor = torch.tensor([EOS])
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
        num_attention_heads=1, eos_token_id=EOS))
    processors = model._get_logits_processor(
        generation_config=config, input_ids_seq_length=len(prompt), device="cpu",
        logits_processor=transformers.LogitsProcessorList())
    ids = torch.tensor([prompt + answer])
    return torch.softmax(processors(ids, logits[None].clone()), -1)[0]


def main():
    generator = torch.Generator().manual_seed(20)
    cases = []
    for number, options in enumerate(OPTIONS):
        logits = (torch.randn(VOCABULARY, generator=generator) * 3).to(torch.float32)
        if number % 2 == 1:
            logits[11] = logits[23]  # a tie
        prompt = [3, 9, 9, 23]
        answer = [int(logits.argmax()), 41][:number % 3]
        left = processed(logits, prompt, answer, options)
        cases.append({"options": options, "prompt": prompt, "answer": answer,
                      "logits": [round(x, 9) for x in logits.tolist()],
                      "probabilities": [round(x, 9) for x in left.tolist()]})
        print(options, int((left > 0).sum()), "kept")
    golden = {"torch": torch.__version__, "transformers": transformers.__version__, "eos": EOS,
              "cases": cases}
    (HERE / "processors.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
