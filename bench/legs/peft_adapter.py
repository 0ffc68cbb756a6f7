"""Writes a fresh LoRA adapter that both sides train: peft_adapter.py MODEL FOLDER. PEFT's own start (A
random, B zero) on every linear layer, rank 16."""

import sys

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

torch.manual_seed(0)
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
config = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.05, target_modules="all-linear",
                    task_type="CAUSAL_LM")
get_peft_model(model, config).save_pretrained(sys.argv[2])
