"""Times whole training steps of WideResNet in PyTorch on the CPU: the peer of flatmin's speed figures.

    python bench/torch_step.py --model wrn-28-10 --batch 16 --optimizer sam [--steps 5 --warmup 2 --threads 2]
                               [--mode eager|channels_last|compile|all] [--json]

A step is forward, backward and update of SGD (Nesterov 0.9, weight decay 5e-4, lr 0.1), SAM or Rand-SAM (rho 0.05) on
one batch of random 3 x 32 x 32 images that is already in memory. Each mode runs in a process of its own, so that peak
memory is that mode's; warm-up steps (and compilation in them) are not timed, but count towards peak memory.
importRssBytes is the part of the peak that importing torch takes: hundreds of MiB in a build with CUDA, less without.

Modes: eager (NCHW), channels_last (NHWC), compile (torch.compile of the NHWC model). One that does not run on this
machine is reported as unavailable, with the reason.

The parent process never imports torch: on Linux a child's peak memory starts from its parent's.
"""

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import time

MODES = ["eager", "channels_last", "compile"]
LEARNING_RATE, MOMENTUM, WEIGHT_DECAY, RHO = 0.1, 0.9, 5e-4, 0.05


def wide_resnet(depth, width, classes=10):
    """Zagoruyko's pre-activation WideResNet; the shortcut is a 1x1 convolution where the shape changes."""
    import torch
    from torch import nn
    import torch.nn.functional as F

    class Block(nn.Module):
        def __init__(self, cin, cout, stride):
            super().__init__()
            self.bn1 = nn.BatchNorm2d(cin)
            self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(cout)
            self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False)
            same = cin == cout and stride == 1
            self.shortcut = None if same else nn.Conv2d(cin, cout, 1, stride, bias=False)

        def forward(self, x):
            a = F.relu(self.bn1(x), inplace=True)
            r = self.conv2(F.relu(self.bn2(self.conv1(a)), inplace=True))
            return r + (x if self.shortcut is None else self.shortcut(a))

    layers, cin = [nn.Conv2d(3, 16, 3, 1, 1, bias=False)], 16
    for stage, channels in enumerate([16 * width, 32 * width, 64 * width]):
        for block in range((depth - 4) // 6):
            layers.append(Block(cin, channels, 2 if stage > 0 and block == 0 else 1))
            cin = channels
    layers += [nn.BatchNorm2d(cin), nn.ReLU(inplace=True)]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(cin, classes)]
    model = nn.Sequential(*layers)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return model


def make_step(optimizer, model, gradient):
    """A function that runs one training step. `gradient()` leaves the gradient in .grad and returns the loss."""
    import torch

    params = list(model.parameters())
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    # The fastest on the CPU (WRN-28-10: fused 13 ms, foreach 35 ms, a loop 178 ms).
    base = torch.optim.SGD(
        params, lr=LEARNING_RATE, momentum=MOMENTUM, nesterov=True, weight_decay=WEIGHT_DECAY, fused=True
    )
    saved = [torch.empty_like(p) for p in params] if optimizer != "sgd" else []

    def track_statistics(on):
        for norm in norms:
            norm.track_running_stats = on

    @torch.no_grad()
    def perturb(direction):
        """w + rho d / ||d||, with w saved."""
        torch._foreach_copy_(saved, params)
        length = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(direction)))
        torch._foreach_addcmul_(params, direction, [RHO / length.clamp_min(1e-12)] * len(params))

    @torch.no_grad()
    def restore():
        torch._foreach_copy_(params, saved)

    def sgd():
        loss = gradient()
        base.step()
        base.zero_grad()
        return loss

    def sam():
        loss = gradient()
        perturb([p.grad for p in params])
        base.zero_grad()
        track_statistics(False)
        gradient()
        track_statistics(True)
        restore()
        base.step()
        base.zero_grad()
        return loss

    noise = [torch.empty_like(p) for p in params] if optimizer == "rand-sam" else []

    def rand_sam():
        for z in noise:
            z.normal_()
        perturb(noise)
        loss = gradient()
        restore()
        base.step()
        base.zero_grad()
        return loss

    return {"sgd": sgd, "sam": sam, "rand-sam": rand_sam}[optimizer]


def peak_rss():
    """Peak resident memory of this process in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def measure(options):
    """Times one mode in this process."""
    import torch
    import torch.nn.functional as F

    imported = peak_rss()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    model = wide_resnet(*options.model)
    images = torch.randn(options.batch, 3, 32, 32)
    labels = torch.randint(10, (options.batch,))
    if options.mode != "eager":
        model = model.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)

    def forward(x, y):
        return F.cross_entropy(model(x), y)

    if options.mode == "compile":
        forward = torch.compile(forward)

    def gradient():
        loss = forward(images, labels)
        loss.backward()
        return loss.detach()

    step = make_step(options.optimizer, model, gradient)
    for _ in range(options.warmup):
        step()
    times = []
    for _ in range(options.steps):
        start = time.perf_counter()
        loss = step()
        times.append(time.perf_counter() - start)
    if not torch.isfinite(loss):
        raise RuntimeError("the loss is not finite")
    return {
        "mode": options.mode,
        "torch": torch.__version__,
        "loss": loss.item(),
        "secondsPerStep": statistics.median(times),
        "stepSeconds": times,
        "imagesPerSecond": options.batch / statistics.median(times),
        "peakRssBytes": peak_rss(),
        "importRssBytes": imported,
    }


def measure_in_child(options, mode):
    """Runs this script again for one mode; what stops it becomes the reason that the mode is unavailable."""
    command = [sys.executable, __file__, "--child", "--mode", mode, "--model", "wrn-%d-%d" % options.model]
    for name in ["batch", "optimizer", "steps", "warmup", "threads"]:
        command += [f"--{name}", str(getattr(options, name))]
    environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads)}
    child = subprocess.run(command, capture_output=True, text=True, env=environment)
    if child.returncode == 0:
        return json.loads(child.stdout.splitlines()[-1])
    lines = child.stderr.strip().splitlines() or [f"exit status {child.returncode}"]
    errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception|Failed)\w*\b", line)]
    return {"mode": mode, "unavailable": (errors or lines)[-1]}


def wrn(name):
    match = re.fullmatch(r"wrn-(\d+)-(\d+)", name)
    if not match or int(match[1]) < 10 or int(match[1]) % 6 != 4 or int(match[2]) < 1:
        raise argparse.ArgumentTypeError(f"expected wrn-DEPTH-WIDTH with DEPTH = 6n + 4, n >= 1, but received {name}")
    return int(match[1]), int(match[2])


def positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a positive integer but received {text}")
    return int(text)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=wrn, required=True, metavar="wrn-D-K")
    parser.add_argument("--batch", type=positive, required=True)
    parser.add_argument("--optimizer", choices=["sgd", "sam", "rand-sam"], required=True)
    parser.add_argument("--steps", type=positive, default=5)
    parser.add_argument("--warmup", type=positive, default=2)
    parser.add_argument("--threads", type=positive, default=2)
    parser.add_argument("--mode", choices=[*MODES, "all"], default="all")
    parser.add_argument("--json", action="store_true", help="print one JSON line")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    options = parse()
    if options.child:
        print(json.dumps(measure(options)))
        return
    modes = [measure_in_child(options, mode) for mode in (MODES if options.mode == "all" else [options.mode])]
    timed = [m for m in modes if "unavailable" not in m]
    best = min(timed, key=lambda m: m["secondsPerStep"], default={"mode": None})["mode"]
    name = "wrn-%d-%d" % options.model
    if options.json:
        settings = {key: getattr(options, key) for key in ["batch", "optimizer", "steps", "warmup", "threads"]}
        print(json.dumps({"model": name, **settings, "modes": modes, "best": best}))
        return
    print(f"{name}, batch {options.batch}, {options.optimizer}, {options.threads} threads")
    for m in modes:
        if "unavailable" in m:
            print(f"{m['mode']:14} unavailable: {m['unavailable']}")
            continue
        steps = " ".join(f"{t:.3f}" for t in m["stepSeconds"])
        memory = f"{m['peakRssBytes'] / 2**20:.0f} MiB, {m['importRssBytes'] / 2**20:.0f} of it torch itself"
        print(f"{m['mode']:14} {m['secondsPerStep']:.3f} s/step  (steps {steps})  peak {memory}")
    print(f"best: {best}")


if __name__ == "__main__":
    main()
