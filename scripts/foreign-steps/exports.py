"""The forms in which PyTorch's exporters, left to their defaults, hand out a network, and PyTorch's own training of it."""

import copy
import io
import logging
import warnings

import brotli
import onnx
import torch
import torch.nn.functional as F
from torch import nn
from torch.fx.experimental.optimization import fuse

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

LR, MOMENTUM, RHO, BATCH = 0.05, 0.9, 0.05, 16
EVALUATION, TRAINING = torch.onnx.TrainingMode.EVAL, torch.onnx.TrainingMode.TRAINING


def uniform(count, seed):
    """Numbers in [-1, 1) that the other side computes again: a hash of the index."""
    x = torch.arange(count, dtype=torch.int64) + (seed + 1) * 7919
    for shift in (15, 13, 16):
        x = ((x ^ (x >> shift)) * 0x9E3B) & 0xFFFFFFFF
    return (x.double() / 2**31 - 1).float()


def without_chance(module):
    """Dropout and stochastic depth that drop nothing."""
    for each in module.modules():
        if "Dropout" in type(each).__name__ or type(each).__name__ == "StochasticDepth":
            each.p = 0.0
    return module


def dynamo(module, args, **options):
    return torch.onnx.export(copy.deepcopy(module), args, verbose=False, **options).model_proto


def script(module, args, training):
    file = io.BytesIO()
    module = copy.deepcopy(module).train(training == TRAINING)
    torch.onnx.export(module, args, file, dynamo=False, training=training, do_constant_folding=training == EVALUATION)
    return onnx.load_model_from_string(file.getvalue())


def slim(model):
    import onnxslim

    return onnxslim.slim(copy.deepcopy(model))


def exports(module, args):
    """(form, whose network it is, model) of each: 'kept', as constructed; 'folded' or 'bare', see there."""
    training, evaluation = script(module, args, TRAINING), script(module, args, EVALUATION)
    kept = dynamo(module.train(), args, optimize=False)
    yield "script-train", "kept", training
    yield "script-train-slim", "kept", slim(training)
    yield "script-eval", "folded", evaluation
    yield "script-eval-slim", "folded", slim(evaluation)
    yield "dynamo-train-unoptimised", "kept", kept
    yield "dynamo-train-unoptimised-slim", "kept", slim(kept)
    yield "dynamo-eval-unoptimised", "kept", dynamo(module.eval(), args, optimize=False)
    yield "dynamo-train", "bare", dynamo(module.train(), args)
    yield "dynamo-eval", "bare", dynamo(module.eval(), args)


def folded(module):
    """The network whose convolutions have taken in the BatchNorm behind them: what TorchScript exports in evaluation form are of."""
    return fuse(copy.deepcopy(module).eval()).requires_grad_(True)


def bare(module):
    """
    The folded network without the biases that are zero. The newer exporter's optimizer makes this of a network, of one in training mode
    too.
    """
    module = folded(module)
    for each in module.modules():
        if isinstance(each, (nn.Conv2d, nn.Linear)) and each.bias is not None and not each.bias.any():
            each.bias = None
    return module


def train(module, batches, loss, sam=False, type=torch.float64):
    """Losses of SGD with momentum, or of SAM around it, and how far the parameters came; BatchNorm by the batch."""
    module = copy.deepcopy(module).to(type).train()
    batches = [[x.to(type) if x.is_floating_point() else x for x in batch] for batch in batches]
    parameters = list(module.parameters())
    first = [p.detach().clone() for p in parameters]
    optimizer = torch.optim.SGD(parameters, lr=LR, momentum=MOMENTUM)
    losses = []
    for batch in batches:
        optimizer.zero_grad()
        value = loss(module, batch)
        value.backward()
        losses.append(value.item())
        if sam:
            gradients = [p.grad.clone() if p.grad is not None else None for p in parameters]
            norm = torch.sqrt(sum((g**2).sum() for g in gradients if g is not None))
            before = [p.detach().clone() for p in parameters]
            with torch.no_grad():
                for p, g in zip(parameters, gradients):
                    if g is not None:
                        p += RHO * g / norm
            optimizer.zero_grad()
            loss(module, batch).backward()
            with torch.no_grad():
                for p, old in zip(parameters, before):
                    p.copy_(old)
        optimizer.step()
    moved = torch.sqrt(sum(((p.detach() - q) ** 2).sum() for p, q in zip(parameters, first)))
    return {"losses": losses, "moved": moved.item()}


def course(module, batches, loss, sam=False):
    """A training in float64, and how far float32 comes from its losses: what rounding alone does, where steps amplify it."""
    exact = train(module, batches, loss, sam)
    rounded = train(module, batches, loss, sam, torch.float32)["losses"]
    return {**exact, "rounding": [abs(a - b) for a, b in zip(rounded, exact["losses"])]}


def classified(module, batch):
    *inputs, labels = batch
    return F.cross_entropy(module(*inputs).flatten(0, -2), labels.flatten())


def counts(module):
    """Tensors that are trained, and running statistics."""
    statistics = [name for name, _ in module.named_buffers() if name.endswith(("running_mean", "running_var"))]
    return {"parameters": len(list(module.parameters())), "elements": sum(p.numel() for p in module.parameters()), "statistics": len(statistics)}


def write(models, path, packed):
    """
    The models of {form: (network, model)}, and where each is: a file each, or one for all, in which equal weights take no more room.
    """
    forms, data = {}, b""
    for form, (network, model) in models.items():
        own = stripped(model).SerializeToString()
        if packed:
            forms[form] = {"network": network, "file": f"{path.name}.br", "offset": len(data), "bytes": len(own)}
            data += own
        else:
            forms[form] = {"network": network, "file": f"{path.name}-{form}.onnx", "offset": 0, "bytes": len(own)}
            path.with_name(forms[form]["file"]).write_bytes(own)
        ops = [node.op_type for node in model.graph.node]
        print(path.name, form, len(own), "bytes,", ops.count("Conv"), "Conv,", ops.count("BatchNormalization"), "BatchNormalization,", len(model.graph.initializer), "initializers", flush=True)
    if packed:
        path.with_suffix(".br").write_bytes(brotli.compress(data, quality=11, lgwin=24))
    return forms


def stripped(model):
    """Leaves out where in a program's text each node comes from, and the inferred types."""
    model = copy.deepcopy(model)
    for node in model.graph.node:
        kept = [p for p in node.metadata_props if p.key != "pkg.torch.onnx.stack_trace"]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
        node.ClearField("doc_string")
    model.graph.ClearField("value_info")
    return model
