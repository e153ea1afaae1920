"""Image classifiers as they are constructed, at full width or narrow enough for a fixture."""

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
import torchvision.models as tv

sys.path.append(str(Path(__file__).parent.parent / "corpus"))
from models_torchvision import WideBlock, WideResNet  # noqa: E402


class SmoothBlock(WideBlock):
    def forward(self, x):
        y = F.silu(self.bn1(x))
        shortcut = self.shortcut(y) if self.shortcut else x
        return self.conv2(F.silu(self.bn2(self.conv1(y)))) + shortcut


class SmoothWideResNet(WideResNet):
    """Without kinks: where an input of ReLU is zero but for rounding, steps in float32 come to something else than in float64."""

    def __init__(self, *sizes):
        super().__init__(*sizes)
        for block in self.blocks:
            block.__class__ = SmoothBlock

    def forward(self, x):
        return self.linear(F.silu(self.bn(self.blocks(self.conv(x)))).mean((2, 3)))


def small_mobilenet():
    config = tv.mobilenetv3.InvertedResidualConfig
    settings = [config(8, 3, 8, 8, True, "RE", 2, 1, 0.5), config(8, 5, 24, 16, True, "HS", 2, 1, 0.5), config(16, 5, 24, 16, True, "HS", 1, 1, 0.5)]
    return tv.MobileNetV3(settings, 32, num_classes=10)


# name: (module, side of the images)
FULL = {
    "wrn-16-2": (lambda: WideResNet(16, 2, 16), 32),
    "resnet18": (lambda: tv.resnet18(num_classes=10), 32),
    "mobilenet-v3-small": (lambda: tv.mobilenet_v3_small(num_classes=10), 32),
    "efficientnet-b0": (lambda: tv.efficientnet_b0(num_classes=10), 32),
}
NARROW = {
    "wrn-16-2": (lambda: SmoothWideResNet(16, 2, 3), 8),
    "mobilenet-v3": (small_mobilenet, 16),
}


def construct(make, rounded=False):
    """@param rounded: weights with the digits of bfloat16, which compress to half."""
    torch.manual_seed(0)
    module = make()
    if rounded:
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.copy_(parameter.bfloat16())
    return module
