"""PaddlePaddle layers by paddle2onnx."""

import os
import tempfile
import zlib

import numpy as np
import onnx
import paddle
from paddle import nn

from provenance import Truth
from truth import truths

makers = {}


def add(name, *shape, kind="float32"):
    def register(make):
        makers[name] = (make, shape, kind)
        return make

    return register


block = lambda i, o, s=1: (nn.Conv2D(i, o, 3, s, 1, bias_attr=False), nn.BatchNorm2D(o), nn.ReLU())
add("mlp", 1, 8)(lambda: nn.Sequential(nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 8), nn.Hardswish(), nn.Linear(8, 8), nn.PReLU(), nn.Linear(8, 3), nn.Softmax()))
add("cnn", 1, 3, 8, 8)(lambda: nn.Sequential(*block(3, 4), *block(4, 8, 2), nn.Conv2D(8, 8, 3), nn.BatchNorm2D(8), nn.AdaptiveAvgPool2D(1), nn.Flatten(), nn.Linear(8, 3)))
add("norms", 1, 4, 6, 6)(lambda: nn.Sequential(nn.Conv2D(4, 4, 3), nn.GroupNorm(2, 4), nn.Swish(), nn.Conv2D(4, 4, 1), nn.InstanceNorm2D(4), nn.Conv2D(4, 4, 1), nn.Flatten(2), nn.LayerNorm(16), nn.Linear(16, 3)))
add("transposed", 1, 4, 6, 6)(lambda: nn.Sequential(nn.Conv2DTranspose(4, 4, 2, 2), nn.BatchNorm2D(4), nn.ReLU(), nn.Conv2D(4, 2, 1)))


@add("encoder", 1, 5, 16)
class Encoder(nn.Layer):
    def __init__(self):
        super().__init__()
        self.layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, activation="gelu"), 2)
        self.position = self.create_parameter([1, 5, 16], default_initializer=nn.initializer.Constant(0.0))
        self.scale = self.create_parameter([1], default_initializer=nn.initializer.Constant(1.0))
        self.register_buffer("shift", paddle.full([16], 0.5))
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        return self.head((self.layers(x + self.position) * self.scale + self.shift).mean(1))


@add("recurrent", 1, 5, 6)
class Recurrent(nn.Layer):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(6, 8, direction="bidirect")
        self.gru = nn.GRU(16, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.gru(self.lstm(x)[0])[0][:, -1])


@add("text", 1, 6, kind="int64")
class Text(nn.Layer):
    def __init__(self):
        super().__init__()
        self.embed, self.conv, self.head = nn.Embedding(20, 8), nn.Conv1D(8, 8, 3), nn.Linear(8, 3)

    def forward(self, x):
        return self.head(nn.functional.relu(self.conv(self.embed(x).transpose([0, 2, 1]))).mean(2))


add("mobilenet-v3", 1, 3, 32, 32)(lambda: paddle.vision.models.MobileNetV3Small(scale=0.25, num_classes=5))
add("resnet18", 1, 3, 32, 32)(lambda: paddle.vision.models.ResNet(paddle.vision.models.resnet.BasicBlock, 18, width=64, num_classes=5))
add("shufflenet", 1, 3, 32, 32)(lambda: paddle.vision.models.ShuffleNetV2(scale=0.25, num_classes=5))
del makers["resnet18"]  # 11 million parameters


def groups(net):
    parameters = {n: p for n, p in net.named_parameters() if not p.stop_gradient}
    kept = {n: b for n, b in net.named_buffers() if "FP32" in str(b.dtype).upper() or "float32" in str(b.dtype)}
    kept |= {n: p for n, p in net.named_parameters() if p.stop_gradient}
    moving = lambda n: n.rsplit(".", 1)[-1] in ("_mean", "_variance")
    return parameters, {n: b for n, b in kept.items() if moving(n)}, {n: b for n, b in kept.items() if not moving(n)}


def norms(net):
    found = []
    for path, each in net.named_sublayers():
        if hasattr(each, "_variance"):
            found.append((f"{path}.weight", f"{path}.bias", f"{path}._mean", f"{path}._variance", each._epsilon))
    return found


def randomise(tensors, seed):
    for name, tensor in tensors.items():
        rng = np.random.default_rng(zlib.crc32(name.encode()) ^ seed)
        old = tensor.numpy()
        normal, uniform = rng.normal(size=old.shape), rng.uniform(size=old.shape)
        if name.endswith("_variance"):
            value = 0.5 + uniform
        elif old.size == 1:
            value = old * (0.55 + 0.9 * uniform) if np.abs(old).max() > 0 else 0.1 + 0.5 * uniform
        elif old.ndim < 2:
            value = old.mean() + 0.2 * normal
        else:
            value = normal * min(0.5, 1.5 / np.sqrt(old[0].size))
        tensor.set_value(value.astype("float32"))


class Exports:
    def __init__(self, name):
        paddle.seed(0)
        make, self.shape, self.kind = makers[name]
        self.net = make()
        self.net.eval()
        self.start = {n: t.numpy() for group in groups(self.net) for n, t in group.items()}
        self.made, self.truths = {}, {}

    def get(self, weights):
        if weights not in self.made:
            parameters, statistics, constants = groups(self.net)
            for n, t in [*parameters.items(), *statistics.items()]:
                t.set_value(self.start[n])
            seeds = {"fresh": None, "random": (1, 1), "other": (2, 2), "other-parameters": (2, 1)}[weights]
            if seeds:
                randomise(parameters, seeds[0])
                randomise(statistics, seeds[1])
            numbers = lambda group: {n: t.numpy() for n, t in group.items()}
            self.truths[weights] = Truth(numbers(parameters), numbers(statistics), numbers(constants), norms(self.net))
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "model")
                paddle.onnx.export(self.net, path, input_spec=[paddle.static.InputSpec(list(self.shape), self.kind, "x")], opset_version=17)
                self.made[weights] = onnx.load(path + ".onnx")
        return self.made[weights]


def names():
    return list(makers)


def forms(name):
    def pair():
        exports = Exports(name)
        for weights in ("fresh", "random"):
            exports.get(weights)
        first, second = truths(exports.get, exports.truths["fresh"], exports.truths["random"])
        return {"fresh": (exports.get("fresh"), first), "random": (exports.get("random"), second)}

    return [("paddle2onnx", pair)]
