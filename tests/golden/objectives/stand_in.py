"""What TRL's trainer methods need of `self` when they are called without a trainer: one process that
gathers what it has, and a model that returns fabricated outputs."""

import json
import os
import sys
from collections import defaultdict
from types import SimpleNamespace

import torch
import transformers
import trl

GENERATOR = torch.Generator().manual_seed(20)


class Accelerator:
    """One process: gathering and reducing give back what they get."""

    device = torch.device("cpu")
    num_processes = 1
    use_distributed = False
    process_index = 0

    def gather(self, value):
        return value

    gather_for_metrics = gather

    def reduce(self, value, reduction=None):
        return value

    def unwrap_model(self, model):
        return model


class Model:
    """Returns the fabricated outputs, whatever it is given."""

    training = True
    is_gradient_checkpointing = False

    def __init__(self, outputs=None):
        self.outputs = outputs

    def __call__(self, *args, **kwargs):
        return self.outputs


def trainer(model, **attributes):
    """What the methods read of `self`."""
    common = {"ref_model": model, "accelerator": Accelerator(), "aux_loss_enabled": False, "_total_train_tokens": 0,
              "_tp_size": 1, "_metrics": {"train": defaultdict(list)}}
    return SimpleNamespace(model=model, **(common | attributes))


def normal(*shape, mean=0.0, spread=1.0):
    return torch.randn(*shape, generator=GENERATOR) * spread + mean


def uniform(*shape):
    return torch.rand(*shape, generator=GENERATOR)


def listed(tensor):
    return [round(float(x), 9) for x in tensor.detach().flatten()]


def packed(values, mask):
    return listed(values[mask.bool()])


def metrics_of(stand_in, names):
    return {name: stand_in._metrics["train"][name][-1] for name in names if stand_in._metrics["train"][name]}


def write(name, record):
    """Beside this file, or where the command line says."""
    path = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    versions = {"trl": trl.__version__, "torch": torch.__version__, "transformers": transformers.__version__}
    with open(path, "w") as file:
        json.dump({"versions": versions} | record, file, separators=(",", ":"))
        file.write("\n")
