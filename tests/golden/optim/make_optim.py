"""Writes optim.json: parameters after steps of torch.optim, clipped norms, and the factors of
Transformers' schedules. Run with the project's Python: make_optim.py [output]."""

import json
import os
import sys

import torch
import transformers
from transformers import get_scheduler


def start():
    torch.manual_seed(7)
    return {"layer.weight": torch.randn(3, 5), "layer.bias": torch.randn(5), "norm.weight": torch.randn(4)}


def gradients(step):
    torch.manual_seed(100 + step)
    return {"layer.weight": torch.randn(3, 5), "layer.bias": torch.randn(5) * 1e-3, "norm.weight": torch.randn(4) * 10}


def run(name, make, decay):
    parameters = {k: torch.nn.Parameter(v.clone()) for k, v in start().items()}
    groups = [
        {"params": [parameters["layer.weight"]], "weight_decay": decay},
        {"params": [parameters["layer.bias"], parameters["norm.weight"]], "weight_decay": 0.0},
    ]
    optimizer = make(groups)
    history = []
    for step, rate in enumerate([1e-2, 1e-2, 5e-3, 1e-3]):
        for group in optimizer.param_groups:
            group["lr"] = rate
        for key, value in gradients(step).items():
            parameters[key].grad = value
        optimizer.step()
        history.append({k: v.detach().flatten().tolist() for k, v in parameters.items()})
    return {"name": name, "weight_decay": decay, "history": history}


def schedule(kind, warmup, steps, **kwargs):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = get_scheduler(kind, optimizer, num_warmup_steps=warmup, num_training_steps=steps,
                              scheduler_specific_kwargs=kwargs or None)
    factors = []
    for _ in range(steps + 2):
        factors.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return {"type": kind, "warmup": warmup, "steps": steps, "factors": factors, **kwargs}


def clip(scale, max_norm):
    parameters = [torch.nn.Parameter(v) for v in start().values()]
    for parameter, gradient in zip(parameters, gradients(0).values()):
        parameter.grad = gradient * scale
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm).item()
    return {"scale": scale, "max_norm": max_norm, "norm": norm,
            "clipped": [p.grad.flatten().tolist() for p in parameters]}


optim = torch.optim
output = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "optim.json")
golden = {
    "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
    "start": {k: v.flatten().tolist() for k, v in start().items()},
    "gradients": [{k: v.flatten().tolist() for k, v in gradients(s).items()} for s in range(4)],
    "optimizers": [
        run("adamw", lambda g: optim.AdamW(g, betas=(0.9, 0.999), eps=1e-8, fused=True), 0.0),
        run("adamw", lambda g: optim.AdamW(g, betas=(0.9, 0.999), eps=1e-8, foreach=False), 0.1),
        run("adamw_other", lambda g: optim.AdamW(g, betas=(0.8, 0.95), eps=1e-3, foreach=False), 0.01),
        run("sgd", lambda g: optim.SGD(g, lr=1.0), 0.1),
        run("sgd_momentum", lambda g: optim.SGD(g, lr=1.0, momentum=0.9), 0.1),
        run("sgd_nesterov", lambda g: optim.SGD(g, lr=1.0, momentum=0.9, nesterov=True), 0.0),
        run("rmsprop", lambda g: optim.RMSprop(g, lr=1.0), 0.1),
        run("rmsprop_momentum", lambda g: optim.RMSprop(g, lr=1.0, momentum=0.9), 0.0),
    ],
    "schedules": [
        schedule("linear", 0, 7), schedule("linear", 3, 10), schedule("cosine", 0, 7), schedule("cosine", 4, 9),
        schedule("constant", 0, 5), schedule("constant_with_warmup", 3, 6),
        schedule("cosine_with_min_lr", 2, 8, min_lr_rate=0.1),
    ],
    "clips": [clip(1.0, 1.0), clip(1e-3, 1.0), clip(1.0, 10.0)],
}
with open(output, "w") as file:
    json.dump(golden, file)
    file.write("\n")
