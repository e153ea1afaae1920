"""Random values of sensible range for every parameter and running statistic of a PyTorch module."""

import zlib

import torch
from torch import nn

STATISTICS = ("running_mean", "running_var", "_u", "_v", "weight_u", "weight_v", "embed_avg", "cluster_size", "codebook")


def is_statistic(name):
    last = name.rsplit(".", 1)[-1]
    return last in STATISTICS


def trained(module):
    """Parameters that are learned, by each of their names; those that take no gradient are tables."""
    return {n: p for n, p in module.named_parameters(remove_duplicate=False) if p.requires_grad}


def statistics(module):
    return {n: b for n, b in module.named_buffers() if is_statistic(n) and b.dtype.is_floating_point}


def constants(module):
    found = {n: p for n, p in module.named_parameters() if not p.requires_grad}
    return found | {n: b for n, b in module.named_buffers() if b.dtype.is_floating_point and not is_statistic(n)}


@torch.no_grad()
def randomise(module, seed, seed_of_statistics):
    kept = statistics(module)
    for name, tensor in (trained(module) | kept).items():
        make = torch.Generator().manual_seed(zlib.crc32(name.encode()) ^ (seed_of_statistics if name in kept else seed))
        normal = torch.randn(tensor.shape, generator=make)
        uniform = torch.rand(tensor.shape, generator=make)
        last = name.rsplit(".", 1)[-1]
        if last in ("running_var", "cluster_size"):
            value = 0.5 + uniform
        elif last in ("_u", "_v", "weight_u", "weight_v"):
            value = nn.functional.normalize(normal, dim=0)
        elif tensor.numel() == 1:
            value = tensor * (0.55 + 0.9 * uniform) if tensor.abs().max() > 0 else 0.1 + 0.5 * uniform
        elif tensor.dim() < 2 or "original0" in last or last == "weight_g":
            value = tensor.mean() * (0.7 + 0.6 * uniform) + 0.1 * normal
            if tensor.min() > 0:
                value = value.abs() + 0.01
        else:
            fan = max(1, tensor[0].numel())
            value = normal * min(0.5, 1.5 / fan**0.5)
        tensor.copy_(value.to(tensor.dtype))


def norms(module):
    """(weight, bias, mean, variance, eps) of each batch normalisation, by name."""
    found = []
    for path, each in module.named_modules():
        if getattr(each, "running_var", None) is not None:
            name = lambda key: f"{path}.{key}" if path else key
            weight = name("weight") if getattr(each, "weight", None) is not None else None
            bias = name("bias") if getattr(each, "bias", None) is not None else None
            found.append((weight, bias, name("running_mean"), name("running_var"), each.eps))
    return found
