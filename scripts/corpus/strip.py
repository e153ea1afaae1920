"""Packs a part of the corpus small enough to commit: python strip.py [SOURCE…] [--from FOLDER] [--to FOLDER] [--share 3].

Random weights are dropped and made again by the reader; whatever could tell what a tensor is stays: small tensors, constants, tables,
repeated and few values. Documentation strings, stack traces and value shapes, which exporters write beside the graph, go too.

One file a source: brotli of [4 bytes: length of the index, little-endian][index, JSON][models]. The index is a list of rows
{model, form, weights, offset, length, tensors}; `tensors` is that of truth.json.
"""

import argparse
import json
import pathlib
import zlib

import brotli
import numpy as np
import onnx
from onnx import numpy_helper

from graph import FLOATS

KEPT_ELEMENTS = 64


def looks_random(array):
    """Many values, with no likeness between neighbours along any axis."""
    flat = array.astype(np.float64).ravel()
    if flat.size <= KEPT_ELEMENTS or not np.isfinite(flat).all() or np.unique(flat).size < 0.5 * flat.size:
        return False
    for axis in range(array.ndim):
        n = array.shape[axis]
        if n < 3:
            continue
        rows = np.moveaxis(array.astype(np.float64), axis, -1).reshape(-1, n)
        rows = rows - flat.mean()
        spread = (rows * rows).sum()
        if abs((rows[:, 1:] * rows[:, :-1]).sum()) > 0.5 * spread * (n - 1) / n:
            return False
    return True


def drop(tensor):
    """Leaves name, type and shape, and what the reader needs to draw numbers alike: the same for equal data."""
    array = numpy_helper.to_array(tensor).astype(np.float64)
    random = {
        "seed": str(zlib.crc32(array.tobytes())),
        "mean": f"{array.mean():.4g}",
        "deviation": f"{array.std():.4g}",
        "positive": str(int(array.min() > 0)),
    }
    for field in ("raw_data", "float_data", "int32_data", "double_data"):
        tensor.ClearField(field)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in random.items():
        tensor.external_data.add(key=key, value=value)


def tensors_of(graph):
    yield from graph.initializer
    yield from tensors_of_nodes(graph.node)


def tensors_of_nodes(nodes):
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            for sub in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                yield from tensors_of(sub)


NOTES = (
    "pkg.torch.onnx.fx_node",
    "pkg.torch.onnx.name_scopes",
    "pkg.torch.export.graph_signature.InputSpec.kind",
    "pkg.onnxscript.optimizer.folded_from",
)


def keep_notes(message):
    """What the exporter notes of parameters and modules stays, without paths of sources."""
    kept = [(each.key, each.value) for each in message.metadata_props if each.key in NOTES]
    message.ClearField("metadata_props")
    for key, value in kept:
        message.metadata_props.add(key=key, value=value)
    return bool(kept)


def tidy(graph):
    graph.ClearField("doc_string")
    graph.ClearField("metadata_props")
    noted = [value for value in graph.value_info if keep_notes(value)]
    graph.ClearField("value_info")
    for value in noted:
        value.ClearField("type")
        graph.value_info.append(value)
    for tensor in graph.initializer:
        tensor.ClearField("doc_string")
        tensor.ClearField("metadata_props")
    for value in [*graph.input, *graph.output]:
        value.ClearField("metadata_props")
    tidy_nodes(graph.node)


def tidy_nodes(nodes):
    for node in nodes:
        node.ClearField("doc_string")
        keep_notes(node)
        for attribute in node.attribute:
            for sub in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                tidy(sub)


def strip(model, truth):
    learned = {t["name"] for t in truth["tensors"] if any(use["role"] != "constant" for use in t["uses"])}
    model.ClearField("metadata_props")
    tidy(model.graph)
    for function in model.functions:
        function.ClearField("doc_string")
        function.ClearField("metadata_props")
        function.ClearField("value_info")
        tidy_nodes(function.node)
    held = [(t, t.name) for t in model.graph.initializer]
    for node in model.graph.node:
        if node.op_type == "Constant":
            held += [(a.t, node.output[0]) for a in node.attribute if a.HasField("t")]
    for tensor, name in held:
        if name in learned and tensor.data_type in FLOATS and looks_random(numpy_helper.to_array(tensor)):
            drop(tensor)
    return model.SerializeToString()


def main():
    parse = argparse.ArgumentParser()
    parse.add_argument("sources", nargs="*", help="all that are there, without any")
    parse.add_argument("--from", dest="source", default="/tmp/corpus")
    parse.add_argument("--to", default=str(pathlib.Path(__file__).parents[2] / "test/fixtures/corpus"))
    parse.add_argument("--share", type=int, default=4, help="one row of so many is taken")
    parse.add_argument("--most", type=int, default=400_000, help="bytes of the largest stripped model taken")
    given = parse.parse_args()
    to = pathlib.Path(given.to)
    to.mkdir(parents=True, exist_ok=True)
    for source in sorted(each for each in pathlib.Path(given.source).iterdir() if each.is_dir() and each.name in (given.sources or [each.name])):
        rows, models, offset = [], [], 0
        for path in sorted(source.glob("*/*/truth.json")):
            name = "/".join(path.parts[-4:-1])
            if zlib.crc32(name.encode()) % given.share:
                continue
            truth = json.loads(path.read_text())
            stripped = strip(onnx.load(path.parent / "model.onnx"), truth)
            if len(stripped) > given.most:
                continue
            rows.append({key: truth[key] for key in ("model", "form", "weights")} | {"offset": offset, "length": len(stripped), "tensors": truth["tensors"]})
            models.append(stripped)
            offset += len(stripped)
        if not rows:
            continue
        index = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()
        packed = len(index).to_bytes(4, "little") + index + b"".join(models)
        file = to / f"{source.name}.br"
        file.write_bytes(brotli.compress(packed, quality=10, lgwin=24))
        print(source.name, len(rows), "rows", len(index), "+", offset, "bytes in", file.stat().st_size)


if __name__ == "__main__":
    main()
