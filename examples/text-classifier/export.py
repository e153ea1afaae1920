"""Makes model.onnx: a transformer encoder with random weights that classifies rows of word numbers, 0 being padding.

Needs torch and onnx.
"""

from pathlib import Path

import torch
from torch import nn

WORDS, LONGEST, WIDTH, HEADS, CLASSES = 32, 32, 16, 2, 2


class Layer(nn.Module):
    """Attention and a feed-forward part, each behind a LayerNorm and added to what came in."""

    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))

    def forward(self, x, padding):
        batch, length, _ = x.shape
        parts = self.qkv(self.norm1(x)).reshape(batch, length, 3, HEADS, WIDTH // HEADS)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-2, -1) * (WIDTH // HEADS) ** -0.5
        weights = scores.masked_fill(padding[:, None, None, :], -1e4).softmax(-1)
        x = x + self.out((weights @ value).transpose(1, 2).reshape(batch, length, WIDTH))
        return x + self.mlp(self.norm2(x))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(WORDS, WIDTH)
        self.position = nn.Parameter(torch.randn(LONGEST, WIDTH) * 0.5)
        self.layers = nn.ModuleList([Layer(), Layer()])
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, tokens):
        padding = tokens == 0
        x = self.embedding(tokens) + self.position[: tokens.shape[1]]
        for layer in self.layers:
            x = layer(x, padding)
        words = (~padding).unsqueeze(-1).float()
        return self.head((self.norm(x) * words).sum(1) / words.sum(1))


torch.manual_seed(0)
tokens = torch.randint(1, WORDS, (2, 12))
torch.onnx.export(
    Encoder().eval(),
    (tokens,),
    Path(__file__).parent / "model.onnx",
    input_names=["tokens"],
    output_names=["logits"],
    dynamic_axes={"tokens": {0: "batch", 1: "sequence"}, "logits": {0: "batch"}},
    opset_version=17,
    dynamo=False,
)
