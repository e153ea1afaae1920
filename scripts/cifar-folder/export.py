"""Exports a classifier of timm with random weights for 3×32×32 images and 1,000 classes, as timm has them.

    python scripts/cifar-folder/export.py resnet18|mobilenetv3_small_100 OUT.onnx

Needs torch, timm, onnx and onnxscript.
"""

import sys

import timm
import torch

name, out = sys.argv[1:3]
torch.manual_seed(0)
model = timm.create_model(name, pretrained=False, drop_rate=0).eval()
torch.onnx.export(
    model,
    (torch.randn(2, 3, 32, 32),),
    out,
    input_names=["images"],
    output_names=["logits"],
    dynamic_shapes={"x": {0: torch.export.Dim("batch")}},
    dynamo=True,
    optimize=False,
    external_data=False,
)
