"""Decodes with llama.cpp as decode_bench does with ours: llama_cpp_decode.py MODEL CASES.json NEW_TOKENS.
Runs in an environment that has llama-cpp-python (rows/decode.py says how to make one) and goes straight
to its C functions, with the most probable token chosen by numpy, so that little of its time is
Python's. Prints one JSON line."""

import json
import os
import sys
import time

import llama_cpp
import numpy

WARM_UP_TOKENS = 16


class Context:
    def __init__(self, path):
        llama_cpp.llama_log_set(SILENT, None)
        llama_cpp.llama_backend_init()
        model = llama_cpp.llama_model_load_from_file(
            path.encode(), llama_cpp.llama_model_default_params())
        params = llama_cpp.llama_context_default_params()
        self.threads = len(os.sched_getaffinity(0))
        params.n_ctx = 512
        params.n_threads = params.n_threads_batch = self.threads
        self.context = llama_cpp.llama_init_from_model(model, params)
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))

    def clear(self):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)

    def next(self, tokens):
        """The most probable token after `tokens`, which extend the sequence."""
        array = (llama_cpp.llama_token * len(tokens))(*tokens)
        batch = llama_cpp.llama_batch_get_one(array, len(tokens))
        if llama_cpp.llama_decode(self.context, batch) != 0:
            raise RuntimeError("llama_decode failed")
        logits = llama_cpp.llama_get_logits_ith(self.context, -1)
        return int(numpy.ctypeslib.as_array(logits, (self.vocabulary,)).argmax())


@llama_cpp.llama_log_callback
def SILENT(level, text, data):
    pass


def agreement(context, golden):
    context.clear()
    found = [context.next(golden["prompt"])]
    found += [context.next([token]) for token in golden["ids"][:-1]]
    return sum(a == b for a, b in zip(found, golden["ids"], strict=True))


def speed(context, golden, count):
    context.clear()
    ids = [context.next(golden["prompt"])]
    ids.append(context.next(ids[-1:]))
    begin = time.perf_counter()
    while len(ids) < count:
        ids.append(context.next(ids[-1:]))
    return (count - 2) / (time.perf_counter() - begin), ids


def main():
    model, cases, count = sys.argv[1], json.load(open(sys.argv[2]))["cases"], int(sys.argv[3])
    context = Context(model)
    plain = [golden for golden in cases if not golden["options"]]
    equal = sum(agreement(context, golden) for golden in plain)
    speed(context, cases[0], WARM_UP_TOKENS)
    rate, ids = speed(context, cases[0], count)
    print(json.dumps({"program": f"llama-cpp-python {llama_cpp.__version__}",
                      "system": llama_cpp.llama_print_system_info().decode().strip(),
                      "threads": context.threads, "tokens_per_second": rate,
                      "positions": sum(len(golden["ids"]) for golden in plain),
                      "top1_equal": equal, "prompt_tokens": len(cases[0]["prompt"]), "ids": ids}))


if __name__ == "__main__":
    main()
