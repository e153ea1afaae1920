"""Makes model.onnx: a small GPT with random weights, whose logits are batch × length × words.

Needs torch, onnx and onnxscript.
"""

from pathlib import Path

import onnx
import torch
from torch import nn
from torch.nn import functional as F

WORDS, LENGTH, WIDTH, HEADS = 24, 32, 24, 2


class Block(nn.Module):
    """Causal attention and a feed-forward part, each behind a LayerNorm and added to what came in."""

    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))
        self.register_buffer("causal", torch.full((LENGTH, LENGTH), -1e4).triu(1))

    def forward(self, x):
        batch, length, _ = x.shape
        parts = self.qkv(self.norm1(x)).reshape(batch, length, 3, HEADS, WIDTH // HEADS)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-2, -1) * (WIDTH // HEADS) ** -0.5 + self.causal
        x = x + self.out((scores.softmax(-1) @ value).transpose(1, 2).reshape(batch, length, WIDTH))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(WORDS, WIDTH)
        self.position = nn.Parameter(torch.randn(LENGTH, WIDTH) * 0.02)
        self.blocks = nn.ModuleList([Block(), Block()])
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, input_ids):
        x = self.embedding(input_ids) + self.position
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x), self.embedding.weight)


torch.manual_seed(0)
model = GPT().eval()
nn.init.normal_(model.embedding.weight, std=0.1)
program = torch.onnx.export(
    model,
    (torch.randint(0, WORDS, (2, LENGTH)),),
    input_names=["input_ids"],
    output_names=["logits"],
    dynamic_shapes={"input_ids": {0: torch.export.Dim("batch")}},
    dynamo=True,
    optimize=False,
)
model_proto = program.model_proto
# The exporter notes for each node where in the Python code it comes from: more bytes than the weights.
for noted in (*model_proto.graph.node, *model_proto.graph.value_info, *model_proto.graph.input, *model_proto.graph.output):
    del noted.metadata_props[:]
del model_proto.graph.metadata_props[:]
onnx.save(model_proto, Path(__file__).parent / "model.onnx")
