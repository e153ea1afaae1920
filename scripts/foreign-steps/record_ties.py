"""
Exports networks that use one weight twice, and records the losses of PyTorch's training: python record_ties.py FOLDER.

The weights are as constructed. Where an exporter takes a tie apart, the counterpart is the network with two weights.
"""

import copy
import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from exports import BATCH, EVALUATION, TRAINING, counts, course, dynamo, script, uniform, write

STEPS, VOCABULARY, LENGTH, WIDTH = 10, 20, 6, 8


class Gpt(nn.Module):
    """A language model whose head is its table."""

    def __init__(self):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.ln_1, self.ln_2, self.ln_f = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.head = nn.Linear(WIDTH, VOCABULARY, bias=False)
        self.head.weight = self.wte.weight

    def forward(self, ids):
        x = self.wte(ids) + self.wpe.weight
        q, k, v = self.qkv(self.ln_1(x)).view(-1, LENGTH, 3, 2, WIDTH // 2).permute(2, 0, 3, 1, 4).unbind(0)
        scores = q @ k.transpose(-2, -1) / (WIDTH // 2) ** 0.5
        mask = torch.full((LENGTH, LENGTH), float("-inf"), dtype=x.dtype).triu(1)
        mixed = (scores + mask).softmax(-1) @ v
        x = x + self.out(mixed.transpose(1, 2).reshape(-1, LENGTH, WIDTH))
        x = x + self.down(F.gelu(self.up(self.ln_2(x))))
        return self.head(self.ln_f(x))


class Siamese(nn.Module):
    """One encoder, with BatchNorm, of two images."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.GELU(), nn.Flatten(), nn.Linear(128, 8))
        self.head = nn.Linear(8, 3)

    def forward(self, a, b):
        return self.head(self.encoder(a) - self.encoder(b))


def untied(module):
    module = copy.deepcopy(module)
    module.head.weight = nn.Parameter(module.head.weight.detach().clone())
    return module


def folded(module):
    module = copy.deepcopy(module).eval()
    module.encoder[0] = fuse_conv_bn_eval(module.encoder[0], module.encoder[1]).requires_grad_(True)
    module.encoder[1] = nn.Identity()
    return module


def tokens(step):
    ids = ((uniform(BATCH * (LENGTH + 1), step) + 1) * (VOCABULARY / 2)).long().clamp(max=VOCABULARY - 1).view(BATCH, LENGTH + 1)
    return ids[:, :-1].contiguous(), ids[:, 1:].contiguous()


def pairs(step):
    a, b = uniform(2 * BATCH * 64, step).view(2, BATCH, 1, 8, 8)
    return a, b, ((uniform(BATCH, 1000 + step) + 1) * 1.5).long().clamp(max=2)


def of_classes(module, batch):
    *inputs, labels = batch
    logits = module(*inputs)
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1))


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, make, batch in (("gpt", Gpt, tokens), ("siamese", Siamese, pairs)):
        torch.manual_seed(0)
        module = make()
        batches = [batch(step) for step in range(STEPS)]
        networks = {"tied": module, **({"untied": untied(module)} if name == "gpt" else {"folded": folded(module)})}
        record = {"lr": LR, "networks": {key: {**counts(each), "sgd": course(each, batches, of_classes)} for key, each in networks.items()}}
        arguments = tuple(batches[0][:-1])
        apart = "untied" if name == "gpt" else "folded"
        models = {
            "script-train": ("tied", script(module, arguments, TRAINING)),
            "script-eval": (apart, script(module, arguments, EVALUATION)),
            "dynamo-eval": ("untied" if name == "gpt" else "tied", dynamo(module.eval(), arguments)),
            "dynamo-train-unoptimised": ("tied", dynamo(module.train(), arguments, optimize=False)),
        }
        record["forms"] = write(models, folder / name, True)
        (folder / f"{name}.json").write_text(json.dumps(record) + "\n")
        print({k: (v["parameters"], v["statistics"], v["sgd"]["losses"][-1], max(v["sgd"]["rounding"])) for k, v in record["networks"].items()})


if __name__ == "__main__":
    main()
