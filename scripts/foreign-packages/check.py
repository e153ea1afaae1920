"""Runs the models that try.js saved in Python's ONNX Runtime, and compares the loss with the session's: python check.py OUT."""

import json
import pathlib
import sys

import numpy as np
import onnxruntime

TYPES = {"float": np.float32, "double": np.float64, "int64": np.int64, "int32": np.int32, "bool": np.bool_}


def check(folder):
    expected = json.loads((folder / "expected.json").read_text())
    arrays = {
        name: np.fromfile(folder / each["file"], TYPES[each["type"]]).reshape(each["dims"]) for name, each in expected["arrays"].items()
    }
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    feeds = {}
    for each in session.get_inputs():
        if each.name in arrays:
            feeds[each.name] = arrays[each.name]
        else:
            feeds[each.name] = np.array(expected["constants"][each.name], np.int64).reshape([1] * len(each.shape))
    (found,) = session.run([expected["output"]], feeds)
    found = found.astype(np.float64)
    if expected["end"] == "values":
        loss = ((found - arrays["targets"]) ** 2).mean()
    elif expected["end"] == "binary":  # the targets are 1
        loss = -np.log(found).mean()
    else:
        chosen = found[np.arange(len(found)), arrays["labels"]]
        loss = -(chosen if expected["isLog"] else np.log(chosen)).mean()
    return loss, expected["loss"]


def main():
    for folder in sorted(path.parent for path in pathlib.Path(sys.argv[1]).glob("*/expected.json")):
        try:
            loss, expected = check(folder)
            fits = abs(loss - expected) <= 1e-4 * max(1e-3, abs(expected))
            print(f"{folder.name}: {'same' if fits else 'DIFFERENT'} {loss:.7g} {expected:.7g}")
        except Exception as error:
            print(f"{folder.name}: FAILED {error}")


if __name__ == "__main__":
    main()
