"""Times whole training steps of any PyTorch module, and exports it: the peer of flatmin bench models.

    python model_step.py --file FILE.py list
    python model_step.py --file FILE.py export --out FOLDER NAME...
    python model_step.py --file FILE.py step NAME --optimizer sam [--mode eager|channels_last|compile|compile_channels_last]
                         [--precision fp32|bf16] [--steps 5 --warmup 2 --threads 2] [--lr --momentum --rho]

FILE.py has `get(name)`, which makes a module, its inputs (a tensor, a tuple of them, or a dictionary by parameter) and its labels:
integers for cross-entropy with the classes on axis 1, else numbers for the mean squared error. It may have NAMES, the models that it
makes, and PACKAGES, whose versions are told; neither may need an import of torch. zoo.py is such a file.

A step is that of torch_step.py, on one batch that is in memory already. Each call times one mode, so that peak memory is that mode's.
All answers are one line of JSON; a mode that does not run here is answered as unavailable, with the reason.
"""

import argparse
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import sys
import threading
import time

from torch_step import end_with_parent, make_step, peak_rss, positive, whole

MODES = ["eager", "channels_last", "compile", "compile_channels_last"]


def load(path):
    """The module of a file; its own folder is searched for what it imports."""
    sys.path.insert(0, str(pathlib.Path(path).resolve().parent))
    spec = importlib.util.spec_from_file_location("models", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def versions(models):
    found = {"python": sys.version.split()[0]}
    for name in ["torch", "onnx", "onnxscript", *getattr(models, "PACKAGES", [])]:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def by_name(inputs):
    if isinstance(inputs, dict):
        return inputs
    if isinstance(inputs, (tuple, list)):
        return {f"x{index}": tensor for index, tensor in enumerate(inputs)}
    return {"x": inputs}


def call(module, inputs):
    if isinstance(inputs, dict):
        return module(**inputs)
    return module(*inputs) if isinstance(inputs, (tuple, list)) else module(inputs)


def export(models, name, folder):
    """NAME.onnx in training form, and its batch in NAME.npz; the model's file is there only once it is whole."""
    import numpy
    import torch

    module, inputs, labels = models.get(name)
    module.train()
    named = by_name(inputs)
    arguments = ((), inputs) if isinstance(inputs, dict) else (tuple(named.values()), None)
    common = {"kwargs": arguments[1], "input_names": list(named), "output_names": ["logits"]}
    part = folder / f"{name}.onnx.part"
    try:
        training = torch.onnx.TrainingMode.TRAINING
        form = {"dynamo": False, "training": training, "do_constant_folding": False, "opset_version": 17}
        torch.onnx.export(module, arguments[0], str(part), **form, **common)
    except Exception as error:
        print(f"{name}: the exporter by tracing refused it ({reason(error)}); taking the other", file=sys.stderr)
        module, inputs, labels = models.get(name)
        torch.onnx.export(module.train(), arguments[0], str(part), dynamo=True, external_data=False, **common)
    targets = labels.numpy()
    target = "targets" if numpy.issubdtype(targets.dtype, numpy.floating) else "labels"
    arrays = {key: tensor.numpy() for key, tensor in named.items()}
    numpy.savez(folder / f"{name}.npz", **arrays, **{target: targets})
    os.replace(part, folder / f"{name}.onnx")


def step(models, options):
    """Times one mode in this process."""
    import torch
    import torch.nn.functional as F

    imported = peak_rss()
    if options.threads:
        torch.set_num_threads(options.threads)
    begun = time.perf_counter()
    module, inputs, labels = models.get(options.name)
    module.train()
    named = by_name(inputs)
    if options.mode.endswith("channels_last"):
        last = {"memory_format": torch.channels_last}
        if not any(tensor.dim() == 4 for tensor in named.values()):
            return {"unavailable": "no input has four dimensions"}
        module = module.to(**last)
        turned = {key: tensor.contiguous(**last) if tensor.dim() == 4 else tensor for key, tensor in named.items()}
        inputs = turned if isinstance(inputs, dict) else tuple(turned.values())
    built = time.perf_counter()
    loss_of = F.mse_loss if labels.is_floating_point() else F.cross_entropy
    half = options.precision == "bf16"

    def forward(inputs, labels):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            return loss_of(call(module, inputs).float(), labels)

    if options.mode.startswith("compile"):
        forward = torch.compile(forward)

    def gradient():
        loss = forward(inputs, labels)
        loss.backward()
        return loss.detach()

    # Parameters that the loss does not depend on are none to its gradient.
    first_loss = gradient()
    for parameter in module.parameters():
        if parameter.grad is None:
            parameter.requires_grad_(False)
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    base = torch.optim.SGD(trained, lr=options.lr, momentum=options.momentum, fused=True)

    def update():
        base.step()
        base.zero_grad()

    base.zero_grad()
    one = make_step(options, module, gradient, update)
    wall, cpu = [], []
    for _ in range(options.warmup + options.steps):
        start, start_cpu = time.perf_counter(), time.process_time()
        loss = one()
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - start_cpu)
        if len(wall) == 1:
            ready = time.perf_counter() - begun
    if not torch.isfinite(loss):
        raise RuntimeError("the loss is not finite")
    return {
        "stepSeconds": wall[options.warmup :],
        "cpuSeconds": cpu[options.warmup :],
        "buildSeconds": built - begun,
        "firstStepSeconds": ready,
        "firstLoss": first_loss.item(),
        "parameters": sum(parameter.numel() for parameter in trained),
        "peakRssBytes": peak_rss(),
        "importRssBytes": imported,
    }


def reason(error):
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", required=True, help="what makes the models")
    parser.add_argument("--attended", action="store_true", help="end when stdin is closed")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list")
    exporting = commands.add_parser("export")
    exporting.add_argument("--out", required=True, type=pathlib.Path)
    exporting.add_argument("name")
    stepping = commands.add_parser("step")
    stepping.add_argument("name")
    stepping.add_argument("--optimizer", choices=["sgd", "sam", "rand-sam"], required=True)
    stepping.add_argument("--mode", choices=MODES, default="eager")
    stepping.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    stepping.add_argument("--steps", type=positive, default=5)
    stepping.add_argument("--warmup", type=whole, default=2)
    stepping.add_argument("--threads", type=whole, default=0, help="0: as many as PyTorch takes")
    stepping.add_argument("--lr", type=float, default=1e-3)
    stepping.add_argument("--momentum", type=float, default=0.9)
    stepping.add_argument("--rho", type=float, default=0.05)
    stepping.set_defaults(ascent_steps=1)
    return parser.parse_args()


def answer(options):
    if options.command == "step" and options.threads:
        os.environ["OMP_NUM_THREADS"] = str(options.threads)
    models = load(options.file)
    if options.command == "list":
        return {"names": list(getattr(models, "NAMES", [])), "versions": versions(models)}
    if options.command == "export":
        options.out.mkdir(parents=True, exist_ok=True)
        export(models, options.name, options.out)
        return {"exported": options.name}
    try:
        return step(models, options)
    except Exception as error:
        return {"unavailable": reason(error)}


def main():
    options = parse()
    if options.attended:
        threading.Thread(target=end_with_parent, daemon=True).start()
    print(json.dumps(answer(options)), flush=True)


if __name__ == "__main__":
    main()
