"""Exports fresh networks in each form and records the losses of PyTorch's training: python record.py FOLDER [--narrow] [--lr=RATE] [NAME…]."""

import json
import sys
from pathlib import Path

import torch

import exports as exporting
from exports import BATCH, bare, classified, counts, course, exports, folded, uniform, without_chance, write
from networks import FULL, NARROW, construct

STEPS = 15
NETWORKS = {"kept": lambda module: module, "folded": folded, "bare": bare}


def images(side):
    """Noise on a pattern of the class."""
    shape = (BATCH, 3, side, side)
    count = 3 * side * side
    found = []
    for step in range(STEPS):
        labels = ((uniform(BATCH, 1000 + step) + 1) * 5).long()
        patterns = torch.stack([uniform(count, 2000 + label) for label in labels.tolist()])
        found.append(((uniform(BATCH * count, step).view(BATCH, count) + patterns).view(shape), labels))
    return found


def reference(module, batches):
    return {
        **counts(module),
        "sgd": course(module, batches, classified),
        "sam": course(module, batches, classified, sam=True),
    }


def main():
    narrow = "--narrow" in sys.argv
    exporting.LR = float(next((each[5:] for each in sys.argv if each.startswith("--lr=")), exporting.LR))
    folder, *wanted = [each for each in sys.argv[1:] if not each.startswith("--")]
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    networks = NARROW if narrow else FULL
    for name in wanted or networks:
        make, side = networks[name]
        module = without_chance(construct(make, narrow))
        batches = images(side)
        record = {"side": side, "lr": exporting.LR}
        record["networks"] = {key: reference(change(module), batches) for key, change in NETWORKS.items()}
        models = {form: (network, model) for form, network, model in exports(module, (batches[0][0],))}
        record["forms"] = write(models, folder / name, narrow)
        (folder / f"{name}.json").write_text(json.dumps(record) + "\n")
        for key in NETWORKS:
            print(name, key, *[(k, v["losses"][0], v["losses"][-1], v["moved"], max(v["rounding"])) if isinstance(v, dict) else (k, v) for k, v in record["networks"][key].items()], flush=True)


if __name__ == "__main__":
    main()
