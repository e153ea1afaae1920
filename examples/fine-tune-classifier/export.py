"""Makes model.onnx: a small residual network that knows the digits 0 to 4 and has never seen 5 to 9.

Needs torch, onnx and onnxscript, and a built flatmin, whose training images it takes: the held-back ones stay unseen.
"""

import json
import subprocess
from pathlib import Path

import onnx
import torch
import torch.nn.functional as F
from torch import nn

FOLDER = Path(__file__).parent
READ = """
import { openDataset, trainingSetNormalization } from 'flatmin';
const dataset = await openDataset('digits');
const { train, scale } = dataset;
const { mean, std } = trainingSetNormalization(dataset);
const images = Array.from(train.images, (pixel) => (pixel / scale - mean[0]) / std[0]);
console.log(JSON.stringify({ images, labels: [...train.labels] }));
"""


class Block(nn.Module):
    def __init__(self, channels, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.shortcut = nn.Conv2d(channels, out, 1, stride, bias=False) if stride > 1 else nn.Identity()

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.layer1 = Block(8, 8, 1)
        self.layer2 = Block(8, 16, 2)
        self.fc = nn.Linear(16, 10)

    def forward(self, images):
        x = self.layer2(self.layer1(self.stem(images)))
        return self.fc(x.mean((2, 3)))


def main():
    torch.manual_seed(0)
    command = ["node", "--input-type=module", "-e", READ]
    data = json.loads(subprocess.run(command, cwd=FOLDER, check=True, capture_output=True).stdout)
    images = torch.tensor(data["images"]).reshape(-1, 1, 8, 8)
    labels = torch.tensor(data["labels"])
    images, labels = images[labels < 5], labels[labels < 5]

    model = ResNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    for _ in range(10):
        for rows in torch.randperm(len(labels)).split(64):
            optimizer.zero_grad()
            F.cross_entropy(model(images[rows]), labels[rows]).backward()
            optimizer.step()

    model.eval()
    # optimize=False keeps the BatchNormalization nodes; otherwise they are merged into the convolutions before them.
    program = torch.onnx.export(
        model,
        (images[:2],),
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
    onnx.save(model_proto, FOLDER / "model.onnx")


main()
