"""Makes model.onnx: a small U-Net with random weights, 3 classes for each pixel.

Needs torch, onnx and onnxscript.
"""

from pathlib import Path

import onnx
import torch
from torch import nn


def convolutions(channels, out):
    layers = []
    for before in (channels, out):
        layers += [nn.Conv2d(before, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU()]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """Two steps down and two up; each way up also sees what the way down saw at its size."""

    def __init__(self, width=6):
        super().__init__()
        self.down1 = convolutions(1, width)
        self.down2 = convolutions(width, 2 * width)
        self.pool = nn.MaxPool2d(2)
        self.bottom = convolutions(2 * width, 2 * width)
        self.up2 = nn.ConvTranspose2d(2 * width, 2 * width, 2, stride=2)
        self.merge2 = convolutions(4 * width, width)
        self.up1 = nn.Upsample(scale_factor=2, mode="bilinear")
        self.merge1 = convolutions(2 * width, width)
        self.head = nn.Conv2d(width, 3, 1)

    def forward(self, images):
        fine = self.down1(images)
        coarse = self.down2(self.pool(fine))
        x = self.up2(self.bottom(self.pool(coarse)))
        x = self.merge2(torch.cat([x, coarse], 1))
        return self.head(self.merge1(torch.cat([self.up1(x), fine], 1)))


torch.manual_seed(0)
program = torch.onnx.export(
    UNet().eval(),
    (torch.randn(2, 1, 24, 24),),
    input_names=["images"],
    output_names=["logits"],
    dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
    dynamo=True,
    optimize=False,
)
model_proto = program.model_proto
# The exporter notes for each node where in the Python code it comes from: more bytes than the weights.
for noted in (*model_proto.graph.node, *model_proto.graph.value_info, *model_proto.graph.input, *model_proto.graph.output):
    del noted.metadata_props[:]
del model_proto.graph.metadata_props[:]
onnx.save(model_proto, Path(__file__).parent / "model.onnx")
