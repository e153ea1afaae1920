"""A list of PyTorch modules to export, each made by a function that returns (module, arguments)."""

# Imported before the exports fork, so that each of them need not.
import functools

import onnxconverter_common.float16
import onnxruntime
import onnxruntime.transformers.optimizer
import onnxscript
import onnxsim
import onnxslim
import torch

import torch_forms

torch.set_num_threads(1)


@functools.cache
def warm():
    """The exporter imports much at its first use."""
    torch.onnx.export(torch.nn.Linear(1, 1), (torch.ones(1, 1),), dynamo=True, verbose=False)



class Registry:
    def __init__(self):
        self.makers = {}

    def add(self, make, name=None, extra=()):
        self.makers[name or make.__name__.replace("_", "-")] = (make, extra)
        return make

    def names(self):
        warm()
        return list(self.makers)

    def forms(self, name):
        make, extra = self.makers[name]
        torch.manual_seed(0)
        module, args = make()
        exports = torch_forms.Exports(module, args if isinstance(args, tuple) else (args,))

        def pair(form):
            fresh, random = torch_forms.records(exports, form)
            return {"fresh": fresh, "random": random}

        return [(form, lambda form=form: pair(form)) for form in [*torch_forms.FORMS, *torch_forms.MORE, *extra]]
