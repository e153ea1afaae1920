"""Every form in which PyTorch's exporters, and the tools that rewrite their files, hand a module out."""

import copy
import functools
import io
import logging
import os
import tempfile
import warnings

import onnx
import onnx_ir
import torch

from provenance import Truth
from randomise import constants, norms, randomise, statistics, trained
from truth import truths

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

# (seed of the parameters, seed of the statistics)
SEEDS = {"random": (1, 1), "other": (2, 2), "other-parameters": (2, 1)}


def _script(module, args, names, training=False, fold=True, dynamic=False):
    module.train(training)
    mode = torch.onnx.TrainingMode.TRAINING if training else torch.onnx.TrainingMode.EVAL
    axes = {name: {0: "batch"} for name in names} if dynamic else None
    file = io.BytesIO()
    torch.onnx.export(module, args, file, dynamo=False, input_names=names, training=mode, do_constant_folding=fold,
                      dynamic_axes=axes, opset_version=17)
    return onnx.load_model_from_string(file.getvalue())


class Exports:
    """Exports of one module with fresh, random and other random values, made when they are asked for."""

    def __init__(self, module, args, names=None):
        self.args = args
        self.names = names or [f"input{i}" if i else "input" for i in range(len(args))]
        self.modules = {"fresh": module}
        for key, seeds in SEEDS.items():
            self.modules[key] = copy.deepcopy(module)
            randomise(self.modules[key], *seeds)
        self.made = {}
        self.raw = None

    @functools.cache
    def truth(self, weights, rounded=None):
        module = self.modules[weights]
        numbers = lambda tensors: {n: t.detach().float().numpy() for n, t in tensors.items()}
        return Truth(numbers(trained(module)), numbers(statistics(module)), numbers(constants(module)), norms(module), rounded)

    def get(self, form, weights):
        key = (form, weights)
        if key not in self.made:
            self.made[key] = getattr(self, form.replace("-", "_"))(weights)
        return self.made[key]

    def _fork(self, weights):
        return copy.deepcopy(self.modules[weights])

    def ts(self, weights):
        return _script(self._fork(weights), self.args, self.names)

    def ts_dynamic(self, weights):
        return _script(self._fork(weights), self.args, self.names, dynamic=True)

    def ts_nofold(self, weights):
        return _script(self._fork(weights), self.args, self.names, fold=False)

    def ts_train(self, weights):
        return _script(self._fork(weights), self.args, self.names, training=True, fold=False)

    def dynamo_raw(self, weights):
        """One capture serves all weights: the exporter names each initializer after its parameter."""
        if self.raw is None:
            module = self._fork("fresh").eval()
            program = torch.onnx.export(module, self.args, dynamo=True, optimize=False, verbose=False)
            self.raw = program.model_proto.SerializeToString()
        model = onnx.load_model_from_string(self.raw)
        values = dict(trained(self.modules[weights])) | statistics(self.modules[weights])
        for tensor in model.graph.initializer:
            value = values.get(tensor.name)
            if value is not None:
                new = onnx.numpy_helper.from_array(value.detach().contiguous().numpy(), tensor.name)
                assert list(new.dims) == list(tensor.dims) and new.data_type == tensor.data_type
                tensor.CopyFrom(new)
        return model

    def dynamo(self, weights):
        try:
            captured = onnx_ir.from_proto(self.get("dynamo-raw", weights))
        except onnx_ir.serde.SerdeError:  # Buffers and values of one name: the file without optimisation is broken.
            return torch.onnx.export(self._fork(weights).eval(), self.args, dynamo=True, verbose=False).model_proto
        program = torch.onnx.ONNXProgram(captured, None)
        program.optimize()
        return program.model_proto

    def ts_slim(self, weights):
        return _slim(self.get("ts", weights))

    def ts_sim(self, weights):
        return _sim(self.get("ts", weights))

    def dynamo_slim(self, weights):
        return _slim(self.get("dynamo", weights))

    def dynamo_sim(self, weights):
        return _sim(self.get("dynamo", weights))

    def ts_ort_basic(self, weights):
        return _ort(self.get("ts", weights), "ORT_ENABLE_BASIC")

    def ts_ort_extended(self, weights):
        return _ort(self.get("ts", weights), "ORT_ENABLE_EXTENDED")

    def ts_fp16(self, weights):
        from onnxconverter_common import float16

        return float16.convert_float_to_float16(copy.deepcopy(self.get("ts", weights)), keep_io_types=True)

    def ts_ort_bert(self, weights):
        return _ort_transformers(self.get("ts", weights), "bert")

    def ts_ort_gpt2(self, weights):
        return _ort_transformers(self.get("ts", weights), "gpt2")


def _slim(model):
    import onnxslim

    return onnxslim.slim(copy.deepcopy(model))


def _sim(model):
    import onnxsim

    return onnxsim.simplify(copy.deepcopy(model))[0]


def _ort(model, level):
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        options.optimized_model_filepath = os.path.join(folder, "model.onnx")
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return onnx.load(options.optimized_model_filepath)


def _ort_transformers(model, kind):
    from onnxruntime.transformers import optimizer

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.onnx")
        onnx.save(model, path)
        return optimizer.optimize_model(path, model_type=kind, num_heads=0, hidden_size=0, opt_level=0).model


FORMS = ["ts", "ts-dynamic", "ts-nofold", "ts-train", "ts-slim", "ts-sim", "dynamo", "dynamo-raw", "dynamo-slim"]
MORE = ["dynamo-sim", "ts-ort-basic", "ts-ort-extended", "ts-fp16"]


def records(exports, form):
    """((model, tensors) fresh, (model, tensors) random) of one form."""
    rounded = "float16" if form.endswith("fp16") else None
    first, second = truths(lambda weights: exports.get(form, weights), exports.truth("fresh", rounded), exports.truth("random", rounded))
    onnx_ir.from_proto(exports.get(form, "fresh"))  # Refuses files with a name declared twice.
    return (exports.get(form, "fresh"), first), (exports.get(form, "random"), second)
