"""Image classifiers as they are constructed, at full width or narrow enough for a fixture."""

import sys
from pathlib import Path

import torch
import torchvision.models as tv

sys.path.append(str(Path(__file__).parent.parent / "corpus"))
from models_torchvision import WideResNet  # noqa: E402


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
    "wrn-16-2": (lambda: WideResNet(16, 2, 2), 8),
    "mobilenet-v3": (small_mobilenet, 16),
}


def construct(make):
    torch.manual_seed(0)
    return make()
