"""The models of flatmin bench models --zoo, each with a batch: what get(name) gives is what a file of --torch gives.

Needs torch, and for most models timm or transformers. Weights and batches are random, from one seed; nothing is downloaded, and nothing
drops or is frozen: two runtimes that begin here take the same steps.
"""

VOCABULARY = 8192
CLASSES = 100


def images(batch, size=224):
    import torch

    return torch.randn(batch, 3, size, size)


def tokens(batch, length):
    import torch

    return torch.randint(VOCABULARY, (batch, length))


def labels(classes, *shape):
    import torch

    return torch.randint(classes, shape)


def timm_model(batch, name, **options):
    import timm

    return timm.create_model(name, num_classes=CLASSES, **options), images(batch), labels(CLASSES, batch)


def bert(batch, length, classes=4):
    from torch import nn
    from transformers import BertConfig, BertForSequenceClassification

    class Classifier(nn.Module):
        def __init__(self):
            super().__init__()
            sizes = dict(hidden_size=384, num_hidden_layers=6, num_attention_heads=6, intermediate_size=1536)
            nothing_drops = dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
            config = BertConfig(
                vocab_size=VOCABULARY, num_labels=classes, attn_implementation="eager", **sizes, **nothing_drops
            )
            self.model = BertForSequenceClassification(config)

        def forward(self, x):
            return self.model(input_ids=x).logits

    return Classifier(), tokens(batch, length), labels(classes, batch)


def gpt2(batch, length):
    from torch import nn
    from transformers import GPT2Config, GPT2LMHeadModel

    class Language(nn.Module):
        def __init__(self):
            super().__init__()
            sizes = dict(n_embd=384, n_layer=6, n_head=6, n_positions=length)
            nothing_drops = dict(resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0)
            config = GPT2Config(
                vocab_size=VOCABULARY, attn_implementation="eager", use_cache=False, **sizes, **nothing_drops
            )
            self.model = GPT2LMHeadModel(config)
            # Biases of zeros are left out by the exporter of torch.export, and would not be trained.
            for name, parameter in self.model.named_parameters():
                if name.endswith("bias"):
                    nn.init.normal_(parameter, std=0.02)

        def forward(self, x):
            return self.model(input_ids=x).logits.transpose(1, 2)

    return Language(), tokens(batch, length), labels(VOCABULARY, batch, length)


def lstm(batch, length, width=256, classes=4):
    from torch import nn

    class Classifier(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(VOCABULARY, width)
            self.recurrence = nn.LSTM(width, width, 2, batch_first=True)
            self.head = nn.Linear(width, classes)

        def forward(self, x):
            states, _ = self.recurrence(self.embedding(x))
            return self.head(states[:, -1])

    return Classifier(), tokens(batch, length), labels(classes, batch)


def wide_resnet(batch, depth, width, classes=10):
    import torch_step

    return torch_step.wide_resnet(depth, width, 3, classes), images(batch, 32), labels(classes, batch)


MODELS = {
    "resnet18": lambda: timm_model(16, "resnet18"),
    "resnet50": lambda: timm_model(8, "resnet50"),
    "mobilenetv3": lambda: timm_model(32, "mobilenetv3_small_100", drop_rate=0),
    "efficientnet_b0": lambda: timm_model(8, "efficientnet_b0", drop_rate=0, drop_path_rate=0),
    "convnext": lambda: timm_model(16, "convnext_atto"),
    "vit": lambda: timm_model(8, "vit_small_patch16_224", depth=6),
    "bert": lambda: bert(8, 128),
    "gpt2": lambda: gpt2(4, 128),
    "lstm": lambda: lstm(32, 64),
    "wrn-28-10": lambda: wide_resnet(16, 28, 10),
    "wrn-16-4": lambda: wide_resnet(64, 16, 4),
}
NAMES = list(MODELS)
PACKAGES = ["timm", "transformers"]


def get(name):
    """A module in training mode, its inputs, and its labels. The same in every process."""
    import torch

    torch.manual_seed(0)
    module, inputs, targets = MODELS[name]()
    return module.train(), inputs, targets
