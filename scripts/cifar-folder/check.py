"""The accuracy and mean cross-entropy of a trained classifier by Python's onnxruntime, on images that Pillow decodes.

    python scripts/cifar-folder/check.py RUN DIR

RUN is the folder of a run of `flatmin train`, DIR the folder with val/CLASS/*.png. Needs numpy, pillow and onnxruntime.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

run, folder = Path(sys.argv[1]), Path(sys.argv[2]) / "val"
normalization = json.loads((run / "summary.json").read_text())["normalization"]
classes = json.loads((run / "labels.json").read_text())
mean, std = (np.array(normalization[key], np.float32).reshape(3, 1, 1) for key in ("mean", "std"))

files = [(file, label) for label, name in enumerate(classes) for file in sorted((folder / name).iterdir())]
pixels = [np.asarray(Image.open(file).convert("RGB")).transpose(2, 0, 1) for file, _ in files]
images = (np.stack(pixels).astype(np.float32) / 255 - mean) / std
labels = np.array([label for _, label in files])

session = onnxruntime.InferenceSession(run / "model.onnx", providers=["CPUExecutionProvider"])
logits = np.concatenate(
    [session.run(None, {"images": images[at : at + 100].astype(np.float32)})[0] for at in range(0, len(images), 100)]
).astype(np.float64)
logs = logits - logits.max(1, keepdims=True)
logs -= np.log(np.exp(logs).sum(1, keepdims=True))
accuracy = (logits.argmax(1) == labels).mean()
loss = -logs[np.arange(len(labels)), labels].mean()
print(f"Python's onnxruntime on images that Pillow decoded: accuracy {100 * accuracy:.2f} %, cross-entropy {loss:.4f}")
