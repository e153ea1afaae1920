"""Which true tensors a tensor of a file was made of, told by its values: random parameters make that certain."""

import functools
import itertools

import numpy as np

UNARY = {
    "-x": lambda x: -x,
    "exp": np.exp,
    "-exp": lambda x: -np.exp(x),
    "1/x": lambda x: 1 / x,
    "sqrt": lambda x: np.sqrt(np.abs(x)),
    "x²": lambda x: x * x,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "softplus": lambda x: np.log1p(np.exp(x)),
    "1+x": lambda x: 1 + x,
    "1-sigmoid": lambda x: 1 - 1 / (1 + np.exp(-x)),
    "|x|": np.abs,
    "relu": lambda x: np.maximum(x, 0),
    "exp(clamped)": lambda x: np.exp(np.minimum(x, np.log(100.0))),
    "1/(1+x)": lambda x: 1 / (1 + x),
    "softmax": lambda x: np.exp(x - x.max(-1, keepdims=True)) / np.exp(x - x.max(-1, keepdims=True)).sum(-1, keepdims=True),
    "ordered": np.sort,
}


class Truth:
    """The true tensors of a network by name. `norms`: (weight, bias, mean, variance, eps) names of each batch normalisation."""

    def __init__(self, parameters, statistics, buffers, norms=(), rounded=None):
        self.roles = {name: "parameter" for name in parameters}
        self.roles |= {name: "statistic" for name in statistics}
        self.roles |= {name: "constant" for name in buffers}
        arrays = {**buffers, **statistics, **parameters}
        if rounded:
            arrays = {k: v.astype(rounded) if v.dtype.kind == "f" else v for k, v in arrays.items()}
        self.arrays = {k: np.asarray(v, np.float64) for k, v in arrays.items() if np.asarray(v).dtype.kind == "f"}
        self.norms = [each for each in norms if each[3] in self.arrays]
        self.loose = 2e-2 if rounded else 2e-4
        self.exact = {}
        self.shapes = {}
        for name, array in self.arrays.items():
            self.exact.setdefault(_key(array), name)
            self.shapes.setdefault(array.size, []).append(name)

    @functools.cached_property
    def owners(self):
        """Names of the learned tensors that have a value."""
        found = {}
        for name, array in self.arrays.items():
            if self.roles[name] != "constant":
                for value in np.unique(array.astype(np.float32)).tolist():
                    found.setdefault(value, []).append(name)
        return found

    def role(self, names):
        roles = {self.roles[name] for name in names}
        return next((role for role in ("parameter", "statistic") if role in roles), "constant")

    def of(self, array, name=""):
        """Names of the true tensors; none where it was made by another way than those known here."""
        array = np.asarray(array, np.float64)
        if array.size == 0:
            return []
        if name in self.arrays and self.arrays[name].shape == array.shape and np.array_equal(self.arrays[name], array):
            return [name]
        if self.roles.get(name) == "statistic" and self.arrays[name].shape == array.shape:
            return [name]  # An export in training form moves the running statistics.
        found = self.exact.get(_key(array))
        if found:
            return [found]
        return (
            self._members(array)
            or self._of_norms(array)
            or self._rows(array)
            or self._unary(array)
            or self._products(array)
            or ([name] if name in self.arrays and self.arrays[name].shape == array.shape else [])
        )

    def _members(self, array):
        values = array.astype(np.float32).ravel()
        counts, hits, others = {}, 0, 0
        if values.size > 64 and not any(value in self.owners or -value in self.owners for value in values[:: values.size // 32].tolist()):
            return []
        for value in values.tolist():
            owners = self.owners.get(value) or self.owners.get(-value)
            if owners:
                hits += 1
                if len(owners) == 1:
                    counts[owners[0]] = counts.get(owners[0], 0) + 1
            elif value != 0:
                others += 1
        if hits == 0 or others > 0.02 * hits:
            return []
        # Chance hits of a value or two are no source; a source gives a good part of itself or of the tensor.
        return [n for n, c in counts.items() if c >= 0.5 * self.arrays[n].size or c >= 0.2 * hits]

    def _of_norms(self, array):
        """γ/σ, β − μγ/σ, the bias of a convolution with a batch normalisation folded in, and its weight."""
        flat = array.ravel()
        for weight, bias, mean, variance, eps in self.norms:
            v = self.arrays[variance].ravel()
            g = self.arrays[weight].ravel() if weight else np.ones_like(v)
            b = self.arrays[bias].ravel() if bias else np.zeros_like(v)
            m = self.arrays[mean].ravel()
            names = [n for n in (weight, variance) if n]
            for s, used in ((g / np.sqrt(v + eps), names), (1 / np.sqrt(v + eps), [variance]), (v + eps, [variance])):
                if flat.size == s.size and np.allclose(flat, s, rtol=self.loose, atol=self.loose):
                    return used
            s = g / np.sqrt(v + eps)
            every = [n for n in (weight, bias, mean, variance) if n]
            if flat.size == s.size:
                if np.allclose(flat, b - m * s, rtol=self.loose, atol=self.loose):
                    return every
                if np.allclose(flat, -m * s, rtol=self.loose, atol=self.loose):
                    return [n for n in (weight, mean, variance) if n]
                for other in self.shapes.get(flat.size, []) if flat.size > 2 else []:
                    if np.allclose(flat, b + (self.arrays[other].ravel() - m) * s, rtol=self.loose, atol=self.loose):
                        return [other, *every]
            elif array.ndim >= 2 and s.size in array.shape[:2]:
                axis = array.shape.index(s.size)
                view = s.reshape([-1 if d == axis else 1 for d in range(array.ndim)])
                for other in self.shapes.get(array.size, []):
                    for layout in _layouts(self.arrays[other], array.shape):
                        if np.allclose(array, layout * view, rtol=self.loose, atol=self.loose * np.abs(s).max()):
                            return [other, *names]
        return []

    def _rows(self, array):
        """Each row a scaled and shifted row of a true tensor (weight and spectral normalisation, scaled queries, standardised weights)."""
        for name in self.shapes.get(array.size, []):
            other = self.arrays[name]
            if self.roles[name] == "constant" or array.size < 3:
                continue
            for layout in _layouts(other, array.shape):
                if _affine(array.ravel()[None], layout.ravel()[None]):
                    return [name]
                for axis in range(array.ndim if array.ndim > 1 else 0):
                    a = np.moveaxis(array, axis, 0).reshape(array.shape[axis], -1)
                    b = np.moveaxis(layout, axis, 0).reshape(array.shape[axis], -1)
                    if a.shape[1] >= 3 and _affine(a, b):
                        return [name]
        return []

    def _unary(self, array):
        for name in self.shapes.get(array.size, []):
            if self.roles[name] == "constant":
                continue
            other = np.atleast_1d(self.arrays[name])
            for function in UNARY.values():
                with np.errstate(all="ignore"):
                    value = function(other)
                if np.allclose(np.sort(value.ravel()), np.sort(array.ravel()), rtol=1e-5, atol=1e-7):
                    return [name]
        return []


    def _products(self, array):
        """Sums and products of two true tensors (biases scaled by a layer scale or a learned scalar, biases added up)."""
        if not 2 < array.size <= 4096:  # One or two numbers agree by chance.
            return []
        learned = lambda size: [n for n in self.shapes.get(size, []) if self.roles[n] != "constant"][:200]
        first = learned(array.size)
        second = dict.fromkeys([*first, *learned(1)])
        flat = array.ravel()
        for p in first:
            a = self.arrays[p].ravel()
            for q in second:
                b = self.arrays[q].ravel()
                if q != p and (_close(flat, a * b, self.loose) or _close(flat, a + b, self.loose)):
                    return [p, q]
        return []


def _layouts(array, shape):
    """The array in the ways of laying it out that give the shape."""
    if array.ndim <= 4:
        for order in itertools.permutations(range(array.ndim)):
            if tuple(array.shape[axis] for axis in order) == shape:
                yield array.transpose(order)
    if array.shape != shape:
        yield array.reshape(shape)


def _close(a, b, loose):
    return bool(np.all(np.abs(a - b) <= loose * np.abs(b) + 1e-6))


def _key(array):
    return np.sort(array.astype(np.float32).ravel()).tobytes()


def _affine(a, b):
    a = a - a.mean(1, keepdims=True)
    b = b - b.mean(1, keepdims=True)
    top = np.abs((a * b).sum(1))
    bottom = np.sqrt((a * a).sum(1) * (b * b).sum(1))
    return bool(np.all(bottom > 0) and np.all(top >= (1 - 1e-4) * bottom))
