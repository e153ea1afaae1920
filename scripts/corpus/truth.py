"""The truth about every tensor of a file: parameter, statistic or constant, at each of its uses."""

import functools

import numpy as np

from graph import FLOATS, align, scan


def same(a, b):
    return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def changes(random, other):
    """Whether each tensor that is used in both exports differs."""
    changed = {}
    for step, twin in align(random, other):
        for slot, held in step.held.items():
            if slot in twin.held:
                differs = not same(held.array, twin.held[slot].array)
                changed[id(held)] = changed.get(id(held), False) or differs
    return changed


def truth_of_random(random, changed, changed_by_parameters, truth):
    """(role, names) of each tensor. `changed`: by other parameters and statistics; what those do not change is a constant.
    `changed_by_parameters()`: by other parameters alone, asked for where the values do not tell."""
    found = {}
    for held in random.held:
        if held.type not in FLOATS:
            continue
        differs = changed.get(id(held))
        of = truth.of(held.array, held.name)
        learned = [n for n in of if truth.roles[n] != "constant"]
        if differs is False:
            found[id(held)] = ("constant", [n for n in of if n not in learned])
        elif learned:
            found[id(held)] = (truth.role(learned), learned)
        elif differs:
            found[id(held)] = ("parameter" if changed_by_parameters().get(id(held)) else "statistic", [])
        else:
            found[id(held)] = ("constant" if of else "unknown", of)
    return found


def truth_of_fresh(fresh, random, found, truth):
    """Carries what is known of the random export over to the fresh one, use by use; `truth`: the fresh values."""
    carried = {}
    named = {(held.name, held.array.shape): found[id(held)] for held in random.held if held.type in FLOATS}
    for step, twin in align(fresh, random):
        for slot, held in step.held.items():
            if held.type in FLOATS and slot in twin.held and held.array.shape == twin.held[slot].array.shape:
                carried[(step.graph, step.index, slot)] = found[id(twin.held[slot])]
    for held in fresh.held:
        if held.type not in FLOATS:
            continue
        for use in held.uses:
            key = (use.graph, use.node, use.slot)
            if key not in carried:
                of = truth.of(held.array, held.name)
                sure = held.name in of or np.unique(held.array).size > 8
                again = named.get((held.name, held.array.shape), ("unknown", []))
                carried[key] = (truth.role(of), of) if of and sure else (again[0], again[1] if len(held.uses) == 1 else [])
    return carried


def record(scanned, role_of):
    """The tensors of truth.json. `role_of(held, use)`: (role, names)."""
    tensors = []
    for held in scanned.held:
        if held.type not in FLOATS:
            continue
        uses = []
        for use in held.uses:
            role, of = role_of(held, use)
            entry = {"node": use.node, "slot": use.slot, "role": role}
            if use.graph:
                entry["graph"] = use.graph
            if of:
                entry["of"] = of
            uses.append(entry)
        tensor = {"name": held.name, "origin": held.origin, "shape": list(held.array.shape), "uses": uses}
        if held.graph:
            tensor["graph"] = held.graph
        tensors.append(tensor)
    return tensors


def truths(get, fresh_truth, random_truth):
    """Records of two exports of one network, fresh and random. `get(weights)` exports; besides these with other random values.

    The fresh export serves as the other where it holds all that the random one does.
    """
    fresh, random = scan(get("fresh")), scan(get("random"))
    changed = changes(random, fresh)
    if any(held.uses and id(held) not in changed for held in random.held if held.type in FLOATS):
        changed = changes(random, scan(get("other")))

    @functools.cache
    def changed_by_parameters():
        return changes(random, scan(get("other-parameters")))

    found = truth_of_random(random, changed, changed_by_parameters, random_truth)
    carried = truth_of_fresh(fresh, random, found, fresh_truth)
    return (
        record(fresh, lambda held, use: carried[(use.graph, use.node, use.slot)]),
        record(random, lambda held, use: found[id(held)]),
    )
