"""What an ONNX file holds in numbers, and where each of them is used."""

import collections
import re
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import numpy_helper

FLOATS = {
    onnx.TensorProto.FLOAT,
    onnx.TensorProto.DOUBLE,
    onnx.TensorProto.FLOAT16,
    onnx.TensorProto.BFLOAT16,
}


@dataclass
class Use:
    """An operand of a node; `node` is -1 and `slot` the index of the output where a graph hands the tensor out."""

    graph: str
    node: int
    slot: int


@dataclass
class Held:
    """A tensor that the file holds."""

    graph: str
    name: str
    origin: str  # 'initializer' or 'constant' (node)
    type: int
    array: np.ndarray
    uses: list = field(default_factory=list)


@dataclass
class Step:
    """A node that is no constant and no other name of one."""

    graph: str
    index: int
    op: str
    outputs: list
    inputs: int
    held: dict  # slot -> Held


@dataclass
class Scan:
    held: list
    steps: list


def scan(model: onnx.ModelProto) -> Scan:
    found = Scan([], [])
    _scan_graph(model.graph, "", {}, found)
    for function in model.functions:
        _scan_nodes(function.node, f"function {function.domain}:{function.name}", {}, found)
    return found


def _scan_graph(graph, path, outer, found):
    scope = dict(outer)
    for value in graph.input:
        scope.pop(value.name, None)
    for tensor in graph.initializer:
        held = Held(path, tensor.name, "initializer", tensor.data_type, numpy_helper.to_array(tensor))
        found.held.append(held)
        scope[tensor.name] = held
    _scan_nodes(graph.node, path, scope, found)
    for slot, value in enumerate(graph.output):
        if value.name in scope:
            scope[value.name].uses.append(Use(path, -1, slot))
            found.steps.append(Step(path, -1, "(output)", [value.name], 1, {slot: scope[value.name]}))


def _scan_nodes(nodes, path, scope, found):
    for index, node in enumerate(nodes):
        if node.op_type == "Constant" and node.domain in ("", "ai.onnx"):
            held = _constant(node, path)
            if held:
                found.held.append(held)
                scope[node.output[0]] = held
            continue
        if node.op_type == "Identity" and node.input[0] in scope:
            scope[node.output[0]] = scope[node.input[0]]
            continue
        step = Step(path, index, node.op_type, list(node.output), len(node.input), {})
        found.steps.append(step)
        for slot, name in enumerate(node.input):
            if name in scope:
                step.held[slot] = scope[name]
                scope[name].uses.append(Use(path, index, slot))
        for attribute in node.attribute:
            for nth, sub in enumerate([attribute.g] if attribute.HasField("g") else attribute.graphs):
                suffix = "" if attribute.HasField("g") else f"[{nth}]"
                inner = f"{path}/{index}.{attribute.name}{suffix}"
                _scan_graph(sub, inner, scope, found)
        for name in node.output:
            scope.pop(name, None)


def _constant(node, path):
    attribute = node.attribute[0]
    kind = attribute.name
    if kind == "value":
        tensor = attribute.t
        if tensor.data_type == onnx.TensorProto.STRING:
            return None
        return Held(path, node.output[0], "constant", tensor.data_type, numpy_helper.to_array(tensor))
    if kind == "value_float":
        return Held(path, node.output[0], "constant", onnx.TensorProto.FLOAT, np.float32(attribute.f))
    if kind == "value_floats":
        return Held(path, node.output[0], "constant", onnx.TensorProto.FLOAT, np.array(attribute.floats, np.float32))
    if kind == "value_int":
        return Held(path, node.output[0], "constant", onnx.TensorProto.INT64, np.int64(attribute.i))
    if kind == "value_ints":
        return Held(path, node.output[0], "constant", onnx.TensorProto.INT64, np.array(attribute.ints, np.int64))
    return None


def align(first: Scan, second: Scan):
    """Pairs of steps that are the same step in two exports of one network."""
    kind = lambda step: (step.op, step.inputs)
    if [kind(each) for each in first.steps] == [kind(each) for each in second.steps]:
        return list(zip(first.steps, second.steps))
    # By the name of the output first: names of modules whatever the order, counted names only in order; then what stands between.
    named = lambda step: (step.op, step.outputs[0] if step.outputs else "")
    counted = lambda step: re.fullmatch(r"\D{0,8}\d+", named(step)[1]) is not None
    by_name = [collections.Counter(map(named, each.steps)) for each in (first, second)]
    places = {named(each): place for place, each in enumerate(second.steps)}
    pairs, last, gap, taken = [], -1, [], set()
    sure = lambda step: by_name[0][named(step)] == by_name[1][named(step)] == 1
    for each in first.steps:
        if sure(each) and not counted(each):
            taken.add(places[named(each)])

    def close(end):
        between = [each for place, each in enumerate(second.steps) if last < place < end and place not in taken]
        if [each.op for each in gap] == [each.op for each in between]:
            pairs.extend(zip(gap, between))

    for each in first.steps:
        place = places.get(named(each), -1)
        if sure(each) and place > last:
            close(place)
            pairs.append((each, second.steps[place]))
            last, gap = place, []
        elif sure(each) and not counted(each):
            pairs.append((each, second.steps[place]))
        else:
            gap.append(each)
    close(len(second.steps))
    return pairs
