"""Keras models, by Keras's own exporter and by tf2onnx."""

import os
import tempfile
import zlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from keras import layers as L

from provenance import Truth
from truth import truths

makers = {}


def add(make):
    makers[make.__name__.replace("_", "-")] = make
    return make


def net(shape, *stack, dtype="float32"):
    return keras.Sequential([L.Input(shape, dtype=dtype), *stack])


@add
def mlp():
    return net((8,), L.Dense(8, "relu"), L.Dense(8, "gelu"), L.Dropout(0.5), L.Dense(3, "softmax"))


@add
def activations():
    return net((8,), L.Dense(8, "elu"), L.Dense(8, "selu"), L.Dense(8, "swish"), L.Dense(8, "hard_sigmoid"), L.Dense(8), L.LeakyReLU(), L.Dense(8), L.PReLU(), L.Dense(8, "softplus"), L.Dense(3))


@add
def cnn():
    block = lambda n, s=1: (L.Conv2D(n, 3, s, "same", use_bias=False), L.BatchNormalization(), L.ReLU())
    return net((16, 16, 3), *block(4), *block(8, 2), L.MaxPooling2D(), *block(8), L.GlobalAveragePooling2D(), L.Dense(5))


@add
def cnn_biased():
    return net((16, 16, 3), L.Conv2D(4, 3, activation="relu"), L.BatchNormalization(), L.Conv2D(4, 3), L.BatchNormalization(center=False), L.Activation("relu6"), L.Flatten(), L.Dense(8), L.BatchNormalization(scale=False), L.Dense(3))


@add
def separable():
    return net((16, 16, 3), L.SeparableConv2D(8, 3, padding="same"), L.BatchNormalization(), L.ReLU(6.0), L.DepthwiseConv2D(3), L.BatchNormalization(), L.Activation("hard_swish"), L.GlobalAveragePooling2D(), L.Dense(3))


@add
def residual():
    x = given = L.Input((8, 8, 3))
    x = L.Conv2D(8, 3, padding="same")(x)
    for _ in range(2):
        y = L.ReLU()(L.BatchNormalization()(x))
        x = L.Add()([x, L.Conv2D(8, 3, padding="same", use_bias=False)(y)])
    return keras.Model(given, L.Dense(3)(L.GlobalAveragePooling2D()(x)))


@add
def unet():
    given = L.Input((8, 8, 1))
    a = L.Conv2D(4, 3, padding="same", activation="relu")(given)
    b = L.Conv2D(8, 3, padding="same", activation="relu")(L.MaxPooling2D()(a))
    c = L.Concatenate()([a, L.Conv2DTranspose(4, 2, 2)(b), L.UpSampling2D()(b)])
    return keras.Model(given, L.Conv2D(1, 1, activation="sigmoid")(c))


@add
def normalisations():
    return net((6, 6, 4), L.Conv2D(4, 3), L.GroupNormalization(2), L.ReLU(), L.Conv2D(4, 1), L.LayerNormalization(), L.ReLU(), L.Conv2D(4, 1), L.LayerNormalization(center=False, scale=False), L.UnitNormalization(), L.Flatten(), L.Dense(3))


@add
def preprocessing():
    scale = L.Normalization(axis=-1)
    scale.adapt(np.random.default_rng(0).normal(2, 3, (32, 8, 8, 3)))
    return net((8, 8, 3), L.Rescaling(1 / 127.5, -1.0), scale, L.Conv2D(4, 3, activation="relu"), L.Flatten(), L.Dense(3))


@add
def preprocessing_fixed():
    return net((8, 8, 3), L.Normalization(mean=[0.485, 0.456, 0.406], variance=[0.05, 0.05, 0.05]), L.Conv2D(4, 3), L.Flatten(), L.Dense(3))


@add
def lstm():
    return net((5, 4), L.LSTM(6, return_sequences=True), L.LSTM(6), L.Dense(3))


@add
def lstm_masked():
    return net((5,), L.Embedding(20, 8, mask_zero=True), L.LSTM(6), L.Dense(3), dtype="int32")


@add
def lstm_unrolled():
    return net((4, 4), L.LSTM(6, unroll=True), L.Dense(3))


@add
def gru():
    return net((5, 4), L.Bidirectional(L.GRU(6)), L.Dense(3))


@add
def gru_before():
    return net((5, 4), L.GRU(6, reset_after=False, return_sequences=True), L.SimpleRNN(4), L.Dense(3))


@add
def convolutional_lstm():
    return net((3, 6, 6, 2), L.ConvLSTM2D(4, 3), L.Flatten(), L.Dense(3))


@add
def text_cnn():
    return net((8,), L.Embedding(20, 8), L.Conv1D(6, 3, activation="relu"), L.GlobalMaxPooling1D(), L.Dense(3), dtype="int32")


class Position(L.Layer):
    def build(self, shape):
        self.table = self.add_weight(shape=shape[1:], initializer="zeros", name="table")

    def call(self, x):
        return x + self.table


class Sinusoid(L.Layer):
    def build(self, shape):
        at = np.arange(shape[1])[:, None] / 1e4 ** (np.arange(0, shape[2], 2) / shape[2])
        self.table = np.stack([np.sin(at), np.cos(at)], -1).reshape(shape[1:]).astype("float32")

    def call(self, x):
        return x * np.sqrt(x.shape[-1]).astype("float32") + self.table


class Scale(L.Layer):
    def __init__(self, start, each=False):
        super().__init__()
        self.start, self.each = start, each

    def build(self, shape):
        self.scale = self.add_weight(shape=shape[-1:] if self.each else (), initializer=keras.initializers.Constant(self.start), name="scale")

    def call(self, x):
        return x * self.scale


def transformer(position):
    given = L.Input((6,), dtype="int32")
    x = position(L.Embedding(20, 8)(given))
    for _ in range(2):
        y = L.LayerNormalization(epsilon=1e-6)(x)
        x = L.Add()([x, Scale(1e-4, True)(L.MultiHeadAttention(2, 4)(y, y))])
        y = L.Dense(8)(L.Dense(16, "gelu")(L.LayerNormalization(epsilon=1e-6)(x)))
        x = L.Add()([x, Scale(1.0)(y)])
    return keras.Model(given, L.Dense(3)(L.GlobalAveragePooling1D()(x)))


@add
def transformer_learned():
    return transformer(Position())


@add
def transformer_sinusoidal():
    return transformer(Sinusoid())


@add
def transformer_causal():
    given = L.Input((6, 8))
    x = L.MultiHeadAttention(2, 4)(given, given, use_causal_mask=True)
    return keras.Model(given, L.Dense(3)(L.LayerNormalization()(L.Add()([x, given]))))


@add
def siamese():
    body = net((6,), L.Dense(8, "relu"), L.BatchNormalization(), L.Dense(4))
    a, b = L.Input((6,)), L.Input((6,))
    return keras.Model([a, b], L.Dense(1)(L.Subtract()([body(a), body(b)])))


@add
def frozen():
    model = net((8,), L.Dense(8, "relu"), L.Dense(8, "relu"), L.Dense(3))
    model.layers[0].trainable = False
    return model


@add
def mixer():
    given = L.Input((8, 8))
    x = given
    for _ in range(2):
        y = L.Permute((2, 1))(L.LayerNormalization()(x))
        y = L.Permute((2, 1))(L.Dense(8)(L.Dense(16, "gelu")(y)))
        x = L.Add()([x, y])
    return keras.Model(given, L.Dense(3)(L.GlobalAveragePooling1D()(x)))


@add
def excite():
    x = given = L.Input((8, 8, 3))
    x = L.Conv2D(8, 3, activation="swish")(x)
    s = L.Dense(8, "sigmoid")(L.Dense(2, "relu")(L.GlobalAveragePooling2D(keepdims=True)(x)))
    return keras.Model(given, L.Dense(3)(L.Flatten()(L.Multiply()([x, s]))))


@add
def einsum_dense():
    return net((5, 8), L.EinsumDense("abc,cd->abd", (None, 6), bias_axes="d"), L.Activation("relu"), L.Flatten(), L.Dense(3))


@add
def mobilenet_v2():
    return keras.applications.MobileNetV2((32, 32, 3), 0.1, weights=None, classes=5)


def groups(model):
    seen = {}
    for name, list_ in (("parameter", model.trainable_variables), ("other", model.non_trainable_variables)):
        for variable in list_:
            if "float" in str(variable.dtype):
                seen[variable.path] = (name, variable)
    moving = ("moving_mean", "moving_variance", "mean", "variance")
    split = lambda test: {n: v for n, (kind, v) in seen.items() if test(kind, n.rsplit("/", 1)[-1])}
    return (
        split(lambda kind, n: kind == "parameter"),
        split(lambda kind, n: kind == "other" and n in moving),
        split(lambda kind, n: kind == "other" and n not in moving),
    )


def norms(model):
    found = []
    for each in model._flatten_layers():
        if isinstance(each, L.BatchNormalization):
            path = lambda v: v.path if v is not None else None
            found.append((path(each.gamma) if each.scale else None, path(each.beta) if each.center else None, path(each.moving_mean), path(each.moving_variance), each.epsilon))
    return found


def randomise(variables, seed):
    for path, variable in variables.items():
        rng = np.random.default_rng(zlib.crc32(path.encode()) ^ seed)
        old = variable.numpy()
        normal, uniform = rng.normal(size=old.shape), rng.uniform(size=old.shape)
        if path.endswith("variance"):
            value = 0.5 + uniform
        elif old.size == 1:
            value = old * (0.55 + 0.9 * uniform) if np.abs(old).max() > 0 else 0.1 + 0.5 * uniform
        elif old.ndim < 2:
            value = old.mean() + 0.2 * normal
        else:
            value = normal * min(0.5, 1.5 / np.sqrt(old.size / old.shape[-1]))
        variable.assign(value.astype("float32"))


class Exports:
    def __init__(self, name):
        keras.utils.set_random_seed(0)
        self.model = makers[name]()
        self.model([np.ones((1, *each.shape[1:]), each.dtype) for each in self.model.inputs] if len(self.model.inputs) > 1 else np.ones((1, *self.model.inputs[0].shape[1:]), self.model.inputs[0].dtype))
        self.start = {v.path: v.numpy() for v in self.model.variables}
        self.made, self.truths = {}, {}

    def weigh(self, weights):
        for variable in self.model.variables:
            variable.assign(self.start[variable.path])
        parameters, statistics, constants = groups(self.model)
        seeds = {"fresh": None, "random": (1, 1), "other": (2, 2), "other-parameters": (2, 1)}[weights]
        if seeds:
            randomise(parameters, seeds[0])
            randomise(statistics, seeds[1])
        numbers = lambda variables: {n: v.numpy() for n, v in variables.items()}
        self.truths[weights] = Truth(numbers(parameters), numbers(statistics), numbers(constants), norms(self.model))

    def get(self, form, weights):
        if (form, weights) not in self.made:
            self.weigh(weights)
            self.made[(form, weights)] = {"keras": self.keras, "tf2onnx": self.tf2onnx}[form]()
        return self.made[(form, weights)]

    def keras(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.onnx")
            self.model.export(path, format="onnx", verbose=False)
            return onnx.load(path)

    def tf2onnx(self):
        signature = [tf.TensorSpec((None, *each.shape[1:]), each.dtype, name=f"input{i}") for i, each in enumerate(self.model.inputs)]
        call = tf.function(lambda *given: self.model(list(given) if len(given) > 1 else given[0], training=False), input_signature=signature)
        return tf2onnx.convert.from_function(call, input_signature=signature, opset=17)[0]


def names():
    return list(makers)


def forms(name):
    exports = Exports(name)

    def pair(form):
        for weights in ("fresh", "random"):
            exports.get(form, weights)
        first, second = truths(lambda weights: exports.get(form, weights), exports.truths["fresh"], exports.truths["random"])
        return {"fresh": (exports.get(form, "fresh"), first), "random": (exports.get(form, "random"), second)}

    return [(form, lambda form=form: pair(form)) for form in ("keras", "tf2onnx")]
