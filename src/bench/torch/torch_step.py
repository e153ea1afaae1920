"""Times whole training steps of WideResNet in PyTorch: the peer of flatmin's speed figures (flatmin bench step --compare torch).

    python torch_step.py --model wrn-28-10 --batch 16 --optimizer sam [--ascent-steps N] [--steps 5 --warmup 2 --threads 2]
                         [--device cpu|cuda[:i]] [--precision fp32|tf32|fp16|bf16]
                         [--mode eager|channels_last|compile|tf32|amp|all] [--json]

A step is forward, backward and update of SGD, SAM with N ascent steps of rho / N each, or Rand-SAM on one batch of random
images that is already in memory. BatchNorm's running statistics move in the clean pass alone, and the saved weights are
restored exactly. Each mode runs in a process of its own, so that peak memory is that mode's; warm-up steps (and
compilation in them) are not timed, but count towards peak memory. importRssBytes is the part of the peak that importing
torch takes: hundreds of MiB in a build with CUDA, less without. On a GPU steps are queued one behind the other, without
waiting in between, and timed by events; peakDeviceBytes is what PyTorch's allocator had reserved at the most.

Modes: eager (NCHW), channels_last (NHWC), compile (torch.compile of the NHWC model), all in --precision; on CUDA also
tf32 and amp: channels_last with TF32 products, or with fp16 autocast and loss scaling. One that does not run on this
machine is reported as unavailable, with the reason.

The parent process never imports torch: on Linux a child's peak memory starts from its parent's.
"""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time

MODES = ["eager", "channels_last", "compile"]
CUDA_MODES = {"tf32": "tf32", "amp": "fp16"}


def wide_resnet(depth, width, channels_in, classes):
    """Zagoruyko's pre-activation WideResNet; the shortcut is a 1x1 convolution where the shape changes."""
    import torch.nn.functional as F
    from torch import nn

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

    layers, cin = [nn.Conv2d(channels_in, 16, 3, 1, 1, bias=False)], 16
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


def make_step(options, model, gradient, update):
    """
    A function that runs one training step.
    `gradient()` leaves the gradient, perhaps times a loss scale, in .grad and returns the loss; `update()` applies it and clears it.
    """
    import torch

    params = [p for p in model.parameters() if p.requires_grad]
    norms = [m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    saved = [torch.empty_like(p) for p in params] if options.optimizer != "sgd" else []

    def track_statistics(on):
        for norm in norms:
            norm.track_running_stats = on

    @torch.no_grad()
    def save():
        torch._foreach_copy_(saved, params)

    @torch.no_grad()
    def perturb(direction, radius):
        """
        w + radius d / ||d||: no scale of d changes it. Where d overflowed, w becomes NaN, and with it the gradient there: the loss scaler
        skips the update, and w is restored.
        """
        length = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(direction)))
        torch._foreach_addcmul_(params, direction, [radius / length.clamp_min(1e-12)] * len(params))

    @torch.no_grad()
    def restore():
        torch._foreach_copy_(params, saved)

    def clear():
        for p in params:
            p.grad = None

    def sgd():
        loss = gradient()
        update()
        return loss

    def sam():
        save()
        loss = gradient()
        track_statistics(False)
        for ascent in range(options.ascent_steps):
            perturb([p.grad for p in params], options.rho / options.ascent_steps)
            clear()
            gradient()
        track_statistics(True)
        restore()
        update()
        return loss

    noise = [torch.empty_like(p) for p in params] if options.optimizer == "rand-sam" else []

    def rand_sam():
        save()
        for z in noise:
            z.normal_()
        perturb(noise, options.rho)
        loss = gradient()
        restore()
        update()
        return loss

    return {"sgd": sgd, "sam": sam, "rand-sam": rand_sam}[options.optimizer]


def peak_rss():
    """
    Peak resident memory of this process in bytes; 0 where Python does not tell it. On Linux that of this program alone (VmHWM of proc(5)),
    where getrusage counts what the parent had at the time of the fork.
    """
    try:
        with open("/proc/self/status") as status:
            return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def time_on_cpu(step, count):
    times = []
    for _ in range(count):
        start = time.perf_counter()
        loss = step()
        times.append(time.perf_counter() - start)
    return times, loss


def time_on_cuda(step, count):
    """The device's own times of steps that follow one another."""
    import torch

    events = [torch.cuda.Event(enable_timing=True) for _ in range(count + 1)]
    torch.cuda.synchronize()
    events[0].record()
    for event in events[1:]:
        loss = step()
        event.record()
    torch.cuda.synchronize()
    return [a.elapsed_time(b) / 1000 for a, b in zip(events, events[1:])], loss


def measure(options):
    """Times one mode in this process."""
    import torch
    import torch.nn.functional as F

    imported = peak_rss()
    on_cuda = options.device.startswith("cuda")
    device = torch.device("cuda:0" if options.device == "cuda" else options.device)
    precision = CUDA_MODES.get(options.mode, options.precision)
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = True
    if on_cuda:
        torch.cuda.set_device(device)
    channels, height, width = options.input
    model = wide_resnet(*options.model, channels, options.classes).to(device)
    images = torch.randn(options.batch, channels, height, width).to(device)
    labels = torch.randint(options.classes, (options.batch,)).to(device)
    if options.mode != "eager":
        model = model.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    half = {"fp16": torch.float16, "bf16": torch.bfloat16}.get(precision)
    scaler = torch.amp.GradScaler(device.type, enabled=half is torch.float16)
    # The fastest on the CPU (WRN-28-10: fused 13 ms, foreach 35 ms, a loop 178 ms).
    base = torch.optim.SGD(
        model.parameters(),
        lr=options.lr,
        momentum=options.momentum,
        nesterov=options.nesterov,
        weight_decay=options.weight_decay,
        fused=True,
    )

    def forward(x, y):
        with torch.autocast(device.type, dtype=half, enabled=half is not None):
            return F.cross_entropy(model(x), y)

    if options.mode == "compile":
        forward = torch.compile(forward)

    def gradient():
        loss = forward(images, labels)
        scaler.scale(loss).backward()
        return loss.detach()

    def update():
        scaler.step(base)
        scaler.update()
        base.zero_grad()

    step = make_step(options, model, gradient, update)
    for _ in range(options.warmup):
        step()
    times, loss = (time_on_cuda if on_cuda else time_on_cpu)(step, options.steps)
    if not torch.isfinite(loss):
        raise RuntimeError("the loss is not finite")
    return {
        "mode": options.mode,
        "precision": precision,
        "torch": torch.__version__,
        "loss": loss.item(),
        "secondsPerStep": statistics.median(times),
        "stepSeconds": times,
        "imagesPerSecond": options.batch / statistics.median(times),
        "peakRssBytes": peak_rss(),
        "importRssBytes": imported,
        "peakDeviceBytes": torch.cuda.max_memory_reserved(device) if on_cuda else None,
    }


def measure_in_child(options, mode):
    """Runs this script again for one mode; what stops it becomes the reason that the mode is unavailable."""
    command = [sys.executable, __file__, "--child", "--mode", mode, "--model", "wrn-%d-%d" % options.model]
    command += ["--input", "x".join(map(str, options.input))] + (["--nesterov"] if options.nesterov else [])
    names = ["batch", "optimizer", "steps", "warmup", "threads", "device", "precision", "classes", "lr", "momentum"]
    for name in [*names, "weight_decay", "rho", "ascent_steps"]:
        command += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    threads = {"OMP_NUM_THREADS": str(options.threads)} if options.threads else {}
    child = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **threads})
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


def whole(text):
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected an integer >= 0 but received {text}")
    return int(text)


def shape(text):
    match = re.fullmatch(r"(\d+)x(\d+)x(\d+)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"expected CHANNELSxHEIGHTxWIDTH but received {text}")
    return tuple(map(int, match.groups()))


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=wrn, required=True, metavar="wrn-D-K")
    parser.add_argument("--batch", type=positive, required=True)
    parser.add_argument("--optimizer", choices=["sgd", "sam", "rand-sam"], required=True)
    parser.add_argument("--steps", type=positive, default=5)
    parser.add_argument("--warmup", type=whole, default=2)
    parser.add_argument("--threads", type=whole, default=0, help="0: as many as PyTorch takes")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["fp32", "tf32", "fp16", "bf16"], default="fp32")
    parser.add_argument("--input", type=shape, default=(3, 32, 32), metavar="CxHxW")
    parser.add_argument("--classes", type=positive, default=10)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--momentum", type=float, default=0.9)
    parser.add_argument("--nesterov", action="store_true")
    parser.add_argument("--weight-decay", type=float, default=5e-4)
    parser.add_argument("--rho", type=float, default=0.05)
    parser.add_argument("--ascent-steps", type=positive, default=1)
    parser.add_argument("--mode", choices=[*MODES, *CUDA_MODES, "all"], default="all")
    parser.add_argument("--json", action="store_true", help="print one JSON line")
    parser.add_argument("--attended", action="store_true", help="end when stdin is closed")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def end_with_parent():
    """Waits until the other end of stdin is closed; then its process is gone, and this one's group ends."""
    # Not through sys.stdin, whose lock this thread would hold when the interpreter ends.
    while os.read(0, 4096):
        pass
    if hasattr(os, "killpg"):
        os.killpg(os.getpgid(0), signal.SIGKILL)
    os._exit(1)


def main():
    options = parse()
    if options.attended:
        threading.Thread(target=end_with_parent, daemon=True).start()
    if options.child:
        print(json.dumps(measure(options)))
        return
    extra = list(CUDA_MODES) if options.device.startswith("cuda") and options.precision == "fp32" else []
    names = [*MODES, *extra] if options.mode == "all" else [options.mode]
    modes = [measure_in_child(options, mode) for mode in names]
    timed = [m for m in modes if "unavailable" not in m]
    best = min(timed, key=lambda m: m["secondsPerStep"], default={"mode": None})["mode"]
    name = "wrn-%d-%d" % options.model
    if options.json:
        keys = ["batch", "optimizer", "steps", "warmup", "threads", "device", "precision"]
        settings = {key: getattr(options, key) for key in keys}
        print(json.dumps({"model": name, **settings, "modes": modes, "best": best}))
        return
    print(f"{name}, batch {options.batch}, {options.optimizer}, {options.device}, {options.precision}")
    for m in modes:
        if "unavailable" in m:
            print(f"{m['mode']:14} unavailable: {m['unavailable']}")
            continue
        steps = " ".join(f"{t:.3f}" for t in m["stepSeconds"])
        memory = f"{m['peakRssBytes'] / 2**20:.0f} MiB, {m['importRssBytes'] / 2**20:.0f} of it torch itself"
        if m["peakDeviceBytes"] is not None:
            memory += f"; on the GPU {m['peakDeviceBytes'] / 2**20:.0f} MiB"
        print(f"{m['mode']:14} {m['secondsPerStep']:.4f} s/step  (steps {steps})  peak {memory}")
    print(f"best: {best}")


if __name__ == "__main__":
    main()
