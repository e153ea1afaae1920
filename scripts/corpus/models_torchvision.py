"""Narrow networks of torchvision, and the wide residual network of Zagoruyko and Komodakis (WRN-16-2)."""

import importlib

import torch
import torchvision.models as tv
from torch import nn

from torch_models import Registry

registry = Registry()
names, forms = registry.names, registry.forms
picture = lambda size=32: torch.randn(2, 3, size, size)


def add(name, make, size=32):
    registry.add(lambda: (make(), picture(size)), name)


class ResNet(tv.ResNet):
    """torchvision's own, with fewer channels."""

    def __init__(self, block, layers, width=8, **options):
        super().__init__(block, layers, num_classes=5, **options)
        self.inplanes, self.dilation = width, 1
        self.conv1, self.bn1 = nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width)
        for i, n in enumerate(layers):
            setattr(self, f"layer{i + 1}", self._make_layer(block, width * (1 + i), n, stride=1 + (i > 0)))
        self.fc = nn.Linear(width * 4 * block.expansion, 5)


add("resnet18", lambda: ResNet(tv.resnet.BasicBlock, [1, 1, 1, 1]))
add("wide-resnet50", lambda: ResNet(tv.resnet.Bottleneck, [1, 1, 1, 1], width_per_group=128, width=4))


class WideBlock(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(i), nn.Conv2d(i, o, 3, stride, 1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(o), nn.Conv2d(o, o, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(i, o, 1, stride, bias=False) if i != o or stride > 1 else None

    def forward(self, x):
        y = self.bn1(x).relu()
        shortcut = self.shortcut(y) if self.shortcut else x
        return self.conv2(self.bn2(self.conv1(y)).relu()) + shortcut


class WideResNet(nn.Module):
    def __init__(self, depth=16, k=2, width=4, classes=10):
        super().__init__()
        n = (depth - 4) // 6
        sizes = [width, width * k, 2 * width * k, 4 * width * k]
        self.conv = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        blocks = []
        for group in range(3):
            for i in range(n):
                blocks.append(WideBlock(sizes[group] if i == 0 else sizes[group + 1], sizes[group + 1], 2 if group and i == 0 else 1))
        self.blocks = nn.Sequential(*blocks)
        self.bn = nn.BatchNorm2d(sizes[3])
        self.linear = nn.Linear(sizes[3], classes)

    def forward(self, x):
        return self.linear(self.bn(self.blocks(self.conv(x))).relu().mean((2, 3)))


add("wrn-16-2", WideResNet)


def mobilenet_v3():
    config = tv.mobilenetv3.InvertedResidualConfig
    settings = [config(8, 3, 8, 8, True, "RE", 2, 1, 0.5), config(8, 5, 24, 16, True, "HS", 2, 1, 0.5)]
    return tv.MobileNetV3(settings, 32, num_classes=5)


def efficientnet():
    config = tv.efficientnet.MBConvConfig
    settings = [config(1, 3, 1, 8, 8, 1), config(4, 3, 2, 8, 16, 1)]
    return tv.EfficientNet(settings, 0.1, num_classes=5, last_channel=32)


add("mobilenet-v3-small", mobilenet_v3)
add("efficientnet-b0", efficientnet)
add("shufflenet-v2", lambda: tv.ShuffleNetV2([1, 1, 1], [8, 16, 24, 32, 32], num_classes=5))
add("squeezenet", lambda: tv.SqueezeNet("1_1", num_classes=5), 48)
add("mnasnet", lambda: tv.MNASNet(0.1, num_classes=5))
add("densenet", lambda: tv.DenseNet(8, (2, 2), 8, num_classes=5))
add("regnet-x", lambda: tv.RegNet(tv.regnet.BlockParams(depths=[1, 1], widths=[8, 16], group_widths=[4, 4], bottleneck_multipliers=[1, 1], strides=[2, 2]), num_classes=5, stem_width=8))
add("vgg-bn", lambda: nn.Sequential(tv.vgg.make_layers([4, "M", 8, "M"], batch_norm=True), nn.Flatten(), nn.Linear(512, 16), nn.ReLU(True), nn.Dropout(), nn.Linear(16, 5)))
add("convnext", lambda: tv.ConvNeXt([tv.convnext.CNBlockConfig(8, 16, 1), tv.convnext.CNBlockConfig(16, None, 1)], num_classes=5))
add("swin-v2", lambda: tv.SwinTransformer([4, 4], 16, [2, 2], [2, 2], [4, 4], num_classes=5, block=tv.swin_transformer.SwinTransformerBlockV2, downsample_layer=tv.swin_transformer.PatchMergingV2))
add("vit", lambda: tv.VisionTransformer(32, 8, 2, 2, 32, 64, num_classes=5))
add("maxvit", lambda: tv.MaxVit((32, 32), 8, 4, [8, 8], [1, 1], 8, 0.0, num_classes=5))


def googlenet():
    module = importlib.import_module("torchvision.models.googlenet")
    inception, convolution = module.Inception, module.BasicConv2d
    return nn.Sequential(convolution(3, 8, kernel_size=3, stride=2), inception(8, 4, 4, 8, 2, 4, 4), inception(20, 4, 4, 8, 2, 4, 4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(20, 5))


add("googlenet", googlenet)


class Segmenter(nn.Module):
    def __init__(self, head):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.head = head

    def forward(self, x):
        return nn.functional.interpolate(self.head(self.backbone(x)), size=x.shape[-2:], mode="bilinear", align_corners=False)


add("fcn", lambda: Segmenter(tv.segmentation.fcn.FCNHead(16, 3)))
add("deeplabv3", lambda: Segmenter(tv.segmentation.deeplabv3.DeepLabHead(16, 3, atrous_rates=(2, 4, 6))), 16)


class Lraspp(nn.Module):
    def __init__(self):
        super().__init__()
        self.low = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.high = nn.Sequential(nn.Conv2d(8, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.head = tv.segmentation.lraspp.LRASPPHead(8, 16, 3, 8)

    def forward(self, x):
        low = self.low(x)
        return self.head({"low": low, "high": self.high(low)})


add("lraspp", Lraspp)


class Pyramid(nn.Module):
    """torchvision's feature pyramid, with the head of RetinaNet shared between levels."""

    def __init__(self):
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), tv.detection.backbone_utils.misc_nn_ops.FrozenBatchNorm2d(8), nn.ReLU())
        self.b = nn.Sequential(nn.Conv2d(8, 16, 3, 2, 1), tv.detection.backbone_utils.misc_nn_ops.FrozenBatchNorm2d(16), nn.ReLU())
        from torchvision.ops import FeaturePyramidNetwork

        self.pyramid = FeaturePyramidNetwork([8, 16], 8)
        self.head = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.ReLU(), nn.Conv2d(8, 4, 3, padding=1))

    def forward(self, x):
        a = self.a(x)
        levels = self.pyramid({"a": a, "b": self.b(a)})
        return torch.cat([self.head(each).flatten(1) for each in levels.values()], 1)


add("pyramid", Pyramid)
