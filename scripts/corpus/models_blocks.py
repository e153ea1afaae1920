"""Small modules that each hold one kind of parameter, table or constant that a reader of ONNX files may take for another."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from torch_models import Registry

registry = Registry()
names, forms = registry.names, registry.forms
randn = torch.randn


def block(*inputs, name=None, extra=()):
    """Registers a module class or function; inputs are shapes, or functions that make a tensor."""

    def register(make):
        def build():
            return make(), tuple(each() if callable(each) else randn(*each) for each in inputs)

        registry.add(build, name or make.__name__.replace("_", "-"), extra)
        return make

    return register


ids = lambda n=6, top=20: (lambda: torch.arange(n)[None] * 7 % top)


def recurrent(kind, **options):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = kind(6, 8, batch_first=True, **options)
            self.head = nn.Linear(8 * (2 if options.get("bidirectional") else 1), 3)

        def forward(self, x):
            return self.head(self.rnn(x)[0][:, -1])

    return Net


block((1, 5, 6), name="lstm")(recurrent(nn.LSTM))
block((1, 5, 6), name="lstm-bidirectional-2")(recurrent(nn.LSTM, num_layers=2, bidirectional=True))
block((1, 5, 6), name="gru-2")(recurrent(nn.GRU, num_layers=2))
block((1, 5, 6), name="gru-bidirectional")(recurrent(nn.GRU, bidirectional=True))
block((1, 5, 6), name="rnn-relu")(recurrent(nn.RNN, nonlinearity="relu"))
block((1, 5, 6), name="rnn-no-bias")(recurrent(nn.RNN, bias=False))


@block((1, 3, 8, 8))
class siamese_norm(nn.Module):
    """One module called twice: ties."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4))

    def forward(self, x):
        return (self.body(x) - self.body(x.flip(3))).abs().mean((2, 3))


@block((1, 4, 8, 8))
class retina_head(nn.Module):
    """Shared convolutions, separate normalisations by level."""

    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(4, 4, 3, padding=1) for _ in range(2))
        self.norms = nn.ModuleList(nn.ModuleList(nn.BatchNorm2d(4) for _ in range(2)) for _ in range(3))
        self.score = nn.Conv2d(4, 2, 3, padding=1)
        nn.init.constant_(self.score.bias, -math.log(99))
        self.scales = nn.ParameterList(nn.Parameter(torch.tensor(1.0)) for _ in range(3))

    def forward(self, x):
        out = []
        for level in range(3):
            y = x
            for conv, norm in zip(self.convs, self.norms[level]):
                y = norm(conv(y)).relu()
            out.append((self.score(y) * self.scales[level]).flatten(1))
            x = F.max_pool2d(x, 2)
        return torch.cat(out, 1)


@block((1, 6, 8))
class learned_scalars(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))
        self.shift = nn.Parameter(torch.tensor(0.0))
        self.temperature = nn.Parameter(torch.tensor([1.0]))
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        self.gain = nn.Parameter(torch.ones(1, 1, 1))
        self.skip = nn.Parameter(torch.tensor(0.0))
        self.linear = nn.Linear(8, 8)

    def forward(self, x):
        y = x + self.skip * self.linear(x)
        y = self.scale * y + self.shift
        y = F.normalize(y * self.gain, dim=-1)
        return F.softmax(y @ y.transpose(1, 2) * self.logit_scale.exp() / self.temperature, -1) * 2.0 + 1.0


class Norm(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x)


@block((1, 4, 6, 6), name="norms-affine")
def norms_affine():
    return Norm(nn.Conv2d(4, 4, 3), nn.GroupNorm(2, 4), nn.ReLU(), nn.InstanceNorm2d(4, affine=True), nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.Flatten(2), nn.LayerNorm(16), nn.Linear(16, 3))


@block((1, 4, 6, 6), name="norms-plain")
def norms_plain():
    return Norm(nn.Conv2d(4, 4, 3), nn.GroupNorm(2, 4, affine=False), nn.ReLU(), nn.InstanceNorm2d(4), nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4, affine=False), nn.ReLU(), nn.InstanceNorm2d(4, track_running_stats=True), nn.Flatten(2), nn.LayerNorm(16, elementwise_affine=False), nn.Linear(16, 3))


@block((1, 4, 16))
def rms_norm():
    return Norm(nn.Linear(16, 16), nn.RMSNorm(16), nn.Linear(16, 16), nn.RMSNorm(16, elementwise_affine=False), nn.Linear(16, 3))


@block((1, 4, 16))
class rms_norm_by_hand(nn.Module):
    """With a learned ε beside one that is not."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(16))
        self.eps = nn.Parameter(torch.tensor(1e-5))
        self.linear = nn.Linear(16, 16)

    def forward(self, x):
        x = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.weight
        x = self.linear(x)
        return x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + self.eps.abs())


@block((1, 5, 16))
class attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x)[0]


@block((1, 5, 16))
class attention_with_bias_kv(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True, add_bias_kv=True, kdim=12, vdim=12)
        self.key = nn.Linear(16, 12)

    def forward(self, x):
        k = self.key(x)
        return self.attention(x, k, k)[0]


@block((1, 5, 16))
class transformer_encoder(nn.Module):
    """Layers that are copies of one another until they are trained."""

    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        return self.head(self.encoder(x).mean(1))


@block((1, 5, 16))
class transformer_decoder_causal(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerDecoderLayer(16, 2, 32, batch_first=True, activation="gelu", norm_first=True)
        self.decoder = nn.TransformerDecoder(layer, 2)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(5))
        self.memory = nn.Parameter(torch.zeros(1, 3, 16))

    def forward(self, x):
        return self.decoder(x, self.memory.expand(x.shape[0], -1, -1), tgt_mask=self.mask, tgt_is_causal=False)


def positions(n, d):
    angle = torch.arange(n)[:, None] * torch.exp(-math.log(1e4) * torch.arange(0, d, 2) / d)
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)


@block(ids())
class positions_learned(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 16)
        self.position = nn.Parameter(torch.zeros(1, 8, 16))
        self.cls = nn.Parameter(torch.zeros(1, 1, 16))
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), self.embed(x)], 1)
        return self.head(F.layer_norm(x + self.position[:, : x.shape[1]], (16,)))


@block(ids())
class positions_sinusoidal(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 16)
        self.register_buffer("position", positions(8, 16)[None])
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        x = self.embed(x) * math.sqrt(16)
        return self.head((x + self.position[:, : x.shape[1]]).relu())


@block(ids())
class positions_sinusoidal_tuned(nn.Module):
    """A parameter that starts as a sinusoidal table."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 16)
        self.position = nn.Parameter(positions(6, 16)[None])
        self.frozen = nn.Parameter(positions(6, 16)[None] / 2, requires_grad=False)
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        return self.head((self.embed(x) + self.position + self.frozen).relu())


class Fourier(nn.Module):
    def __init__(self, learned):
        super().__init__()
        b = randn(3, 8) * 2
        if learned:
            self.b = nn.Parameter(b)
        else:
            self.register_buffer("b", b)
        self.linear = nn.Linear(16, 3)

    def forward(self, x):
        angle = 2 * math.pi * x @ self.b
        return self.linear(torch.cat([angle.sin(), angle.cos()], -1))


block((1, 3), name="fourier-learned")(lambda: Fourier(True))
block((1, 3), name="fourier-fixed")(lambda: Fourier(False))


@block((1,), name="time-embedding")
class time_embedding(nn.Module):
    """The step of a diffusion, by sines of fixed frequencies."""

    def __init__(self):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(16, 16), nn.SiLU(), nn.Linear(16, 4))

    def forward(self, t):
        frequency = torch.exp(-math.log(1e4) * torch.arange(8) / 8)
        angle = t[:, None] * frequency
        return self.mlp(torch.cat([angle.cos(), angle.sin()], -1))


@block((1, 256))
class mel_front_end(nn.Module):
    """Short-time Fourier transform by a fixed convolution, mel filters, learned layer after."""

    def __init__(self, n=32):
        super().__init__()
        window = torch.hann_window(n)
        angle = 2 * math.pi / n * torch.arange(n // 2 + 1)[:, None] * torch.arange(n)
        self.register_buffer("basis", torch.cat([angle.cos(), -angle.sin()])[:, None] * window)
        centres = torch.linspace(0, n // 2, 8)
        self.register_buffer("mel", (1 - (torch.arange(n // 2 + 1)[:, None] - centres).abs() / 2.5).clamp(min=0))
        self.register_buffer("mean", torch.tensor(-4.27))
        self.register_buffer("std", torch.tensor(4.57))
        self.conv = nn.Conv1d(8, 4, 3)

    def forward(self, x):
        y = F.conv1d(x[:, None], self.basis, stride=16)
        re, im = y.chunk(2, 1)
        y = (self.mel.T @ (re * re + im * im) + 1e-6).log()
        return self.conv((y - self.mean) / (2 * self.std)).relu().mean(2)


@block((1, 3, 8, 8))
class input_normalisation(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))
        self.conv = nn.Conv2d(3, 4, 3)
        self.shift = nn.Parameter(torch.zeros(1, 4, 1, 1))
        self.scale = nn.Parameter(torch.ones(1, 4, 1, 1))

    def forward(self, x):
        return (self.conv((x - self.mean) / self.std) * self.scale + self.shift).relu().mean((2, 3))


class Swish(nn.Module):
    def __init__(self):
        super().__init__()
        self.beta = nn.Parameter(torch.tensor(1.0))

    def forward(self, x):
        return x * torch.sigmoid(self.beta * x)


class SReLU(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.tr, self.ar = nn.Parameter(torch.ones(n)), nn.Parameter(torch.ones(n))
        self.tl, self.al = nn.Parameter(torch.zeros(n)), nn.Parameter(torch.full((n,), 0.2))

    def forward(self, x):
        right = torch.where(x > self.tr, self.tr + self.ar * (x - self.tr), x)
        return torch.where(x < self.tl, self.tl + self.al * (x - self.tl), right)


block((1, 8), name="activations-learned")(lambda: Norm(nn.Linear(8, 8), Swish(), nn.Linear(8, 8), SReLU(8), nn.Linear(8, 8), nn.PReLU(), nn.Linear(8, 8), nn.PReLU(8), nn.Linear(8, 3)))
block((1, 8), name="activations-fixed")(lambda: Norm(nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 8), nn.GELU("tanh"), nn.Linear(8, 8), nn.Hardswish(), nn.Linear(8, 8), nn.Hardsigmoid(), nn.Linear(8, 8), nn.Mish(), nn.Linear(8, 8), nn.SELU(), nn.Linear(8, 8), nn.ReLU6(), nn.Linear(8, 8), nn.Softplus(2.0), nn.Linear(8, 3), nn.Softshrink(0.1)))


class Gelu(nn.Module):
    """By hand, as older code has it."""

    def forward(self, x):
        x = 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
        return x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))


block((1, 8), name="gelu-by-hand")(lambda: Norm(nn.Linear(8, 8), Gelu(), nn.Linear(8, 3)))


@block((1, 6), (1, 5))
class bilinear(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Bilinear(6, 5, 4)

    def forward(self, a, b):
        return self.layer(a, b)


@block(ids())
class embedding_bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.bag = nn.EmbeddingBag(20, 8, mode="mean")
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.bag(x))


block((1, 4, 6, 6), name="transposed-convolution")(lambda: Norm(nn.ConvTranspose2d(4, 6, 2, 2), nn.BatchNorm2d(6), nn.ReLU(), nn.ConvTranspose2d(6, 4, 3, groups=2), nn.BatchNorm2d(4), nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(4, 2, 1)))


@block((1, 4, 8))
class weight_norm(nn.Module):
    def __init__(self):
        super().__init__()
        from torch.nn.utils import parametrizations, weight_norm as old

        self.conv = parametrizations.weight_norm(nn.Conv1d(4, 6, 3))
        self.second = old(nn.Conv1d(6, 4, 3))
        self.linear = parametrizations.weight_norm(nn.Linear(4, 3))

    def forward(self, x):
        return self.linear(self.second(self.conv(x).relu()).mean(2))


class Spectral(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.conv, self.second = norm(nn.Conv1d(4, 6, 3)), norm(nn.Conv1d(6, 4, 3))

    def forward(self, x):
        return self.second(self.conv(x).relu()).mean(2)


block((1, 4, 8), name="spectral-norm")(lambda: Spectral(nn.utils.parametrizations.spectral_norm))
block((1, 4, 8), name="spectral-norm-old")(lambda: Spectral(nn.utils.spectral_norm))


@block(ids())
class tied_head(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 16)
        self.body = nn.Linear(16, 16)
        self.head = nn.Linear(16, 20)
        self.head.weight = self.embed.weight

    def forward(self, x):
        return self.head(self.body(self.embed(x)).relu())


@block((1, 8), (1, 4))
class hypernetwork(nn.Module):
    """Weights made by another network, and a gain of them that is learned."""

    def __init__(self):
        super().__init__()
        self.make = nn.Linear(4, 32)
        self.gain = nn.Parameter(torch.full((1, 4), 1.0))
        self.base = nn.Parameter(torch.zeros(4, 8))

    def forward(self, x, z):
        weight = self.base + 0.1 * self.make(z).view(4, 8)
        return F.linear(x, weight) * self.gain


@block((1, 5, 8))
class mixture_of_experts(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(8, 3, bias=False)
        self.up = nn.Parameter(randn(3, 8, 16) / 3)
        self.down = nn.Parameter(randn(3, 16, 8) / 4)
        self.bias = nn.Parameter(torch.zeros(3, 1, 16))

    def forward(self, x):
        gates = self.gate(x).softmax(-1)
        hidden = F.gelu(torch.einsum("bld,edh->beld"[:-1] + "h", x, self.up) + self.bias)
        return torch.einsum("belh,ehd,ble->bld", hidden, self.down, gates)


@block((1, 3, 8))
class gates(nn.Module):
    """Mixes branches by learned weights, FiLM by a table, a residual with a learned share."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 8)
        self.mix = nn.Parameter(torch.ones(2))
        self.share = nn.Parameter(torch.tensor(0.0))
        self.gate = nn.Parameter(torch.zeros(8))
        self.alpha = nn.Parameter(torch.tensor([0.5]))

    def forward(self, x):
        w = self.mix.relu()
        w = w / (w.sum() + 1e-4)
        y = w[0] * self.a(x) + w[1] * self.b(x)
        share = torch.sigmoid(self.share)
        y = share * y + (1 - share) * x
        return y * self.gate.sigmoid() + self.alpha.tanh() * x


def relative_index(n):
    at = torch.stack(torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij")).flatten(1)
    difference = (at[:, :, None] - at[:, None]).permute(1, 2, 0) + n - 1
    return difference[..., 0] * (2 * n - 1) + difference[..., 1]


@block((1, 9, 16))
class relative_position_bias(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(16, 48), nn.Linear(16, 16)
        self.table = nn.Parameter(torch.zeros(25, 2))
        self.register_buffer("index", relative_index(3))
        mask = torch.zeros(9, 9)
        mask[:4, 5:] = -100.0
        self.register_buffer("mask", mask)

    def forward(self, x):
        q, k, v = self.qkv(x).view(x.shape[0], 9, 3, 2, 8).permute(2, 0, 3, 1, 4)
        bias = self.table[self.index.view(-1)].view(9, 9, 2).permute(2, 0, 1)
        y = (q * 8**-0.5 @ k.transpose(2, 3) + bias + self.mask).softmax(-1) @ v
        return self.out(y.transpose(1, 2).reshape(x.shape[0], 9, 16))


@block((1, 6, 16))
class alibi(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(16, 48, bias=False), nn.Linear(16, 16)
        self.register_buffer("slopes", torch.tensor([2.0**-4, 2.0**-8]).view(2, 1, 1))
        self.register_buffer("causal", torch.full((6, 6), float("-inf")).triu(1))
        self.sink = nn.Parameter(torch.zeros(2, 1, 1))

    def forward(self, x):
        q, k, v = self.qkv(x).view(x.shape[0], 6, 3, 2, 8).permute(2, 0, 3, 1, 4)
        n = torch.arange(6)
        score = q @ k.transpose(2, 3) / math.sqrt(8) + self.slopes * (n - n[:, None]) + self.causal + self.sink
        return self.out((score.softmax(-1) @ v).transpose(1, 2).reshape(x.shape[0], 6, 16))


@block((1, 6, 16))
class rotary(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(16, 48)
        self.register_buffer("inv_freq", 1 / 1e4 ** (torch.arange(0, 8, 2) / 8))

    def forward(self, x):
        q, k, v = self.qkv(x).view(x.shape[0], 6, 3, 2, 8).permute(2, 0, 3, 1, 4)
        angle = torch.arange(6)[:, None] * self.inv_freq
        angle = torch.cat([angle, angle], -1)
        turn = lambda y: y * angle.cos() + torch.cat([-y[..., 4:], y[..., :4]], -1) * angle.sin()
        return (turn(q) @ turn(k).transpose(2, 3) / 8**0.5).softmax(-1) @ v


@block((1, 1, 8, 8))
class spatial_transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.locate = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 6))
        nn.init.zeros_(self.locate[3].weight)
        self.locate[3].bias.data = torch.tensor([1.0, 0, 0, 0, 1, 0])
        y, x = torch.meshgrid(torch.linspace(-1, 1, 8), torch.linspace(-1, 1, 8), indexing="ij")
        self.register_buffer("base", torch.stack([x, y, torch.ones(8, 8)], -1).view(1, 64, 3))
        self.head = nn.Linear(64, 3)

    def forward(self, x):
        theta = self.locate(x).view(-1, 2, 3)
        grid = (self.base @ theta.transpose(1, 2)).view(-1, 8, 8, 2)
        return self.head(F.grid_sample(x, grid, align_corners=True).flatten(1))


@block((1, 4, 4, 4))
class anchors(nn.Module):
    def __init__(self):
        super().__init__()
        self.box = nn.Conv2d(4, 4, 1)
        y, x = torch.meshgrid(torch.arange(4.0), torch.arange(4.0), indexing="ij")
        self.register_buffer("centres", torch.stack([x, y], 0)[None] + 0.5)
        self.register_buffer("sizes", torch.tensor([16.0, 32.0]).view(1, 2, 1, 1))
        self.register_buffer("alpha", torch.tensor(0.25))

    def forward(self, x):
        t = self.box(x)
        centre = (t[:, :2].sigmoid() * 2 - 0.5 + self.centres) * 8
        size = (t[:, 2:].sigmoid() * 2) ** 2 * self.sizes
        return torch.cat([centre, size], 1) * self.alpha


@block((1, 4, 8))
class distribution_focal(nn.Module):
    """A fixed convolution that takes the mean of bins (YOLO's DFL)."""

    def __init__(self):
        super().__init__()
        self.head = nn.Conv1d(4, 16, 1)
        self.project = nn.Conv1d(4, 1, 1, bias=False).requires_grad_(False)
        self.project.weight.data[:] = torch.arange(4.0).view(1, 4, 1)

    def forward(self, x):
        y = self.head(x).view(-1, 4, 4, 8).transpose(1, 2).softmax(1)
        return self.project(y.flatten(2)).view(-1, 4, 8)


@block((1, 3, 16, 16))
class blur_pool(nn.Module):
    """Fixed depthwise filters: a binomial blur and Sobel edges."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        f = torch.tensor([1.0, 2, 1])
        self.register_buffer("blur", (f[:, None] * f / 16).expand(4, 1, 3, 3).clone())
        self.register_buffer("sobel", (f[:, None] * torch.tensor([-1.0, 0, 1])).expand(4, 1, 3, 3).clone())
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        y = F.conv2d(self.conv(x).relu(), self.blur, stride=2, groups=4)
        return self.head(F.conv2d(y, self.sobel, groups=4).abs().mean((2, 3)))


@block((1, 4, 8))
class vector_quantiser(nn.Module):
    """The codebook follows by moving averages: a statistic. The straight-through gradient is not exported."""

    def __init__(self):
        super().__init__()
        self.encode, self.decode = nn.Linear(8, 4), nn.Linear(4, 8)
        self.register_buffer("codebook", randn(6, 4))

    def forward(self, x):
        z = self.encode(x)
        distance = (z[:, :, None] - self.codebook).pow(2).sum(-1)
        return self.decode(self.codebook[distance.argmin(-1)] + z - z.detach())


@block((1, 4, 8))
class vector_quantiser_learned(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode, self.decode = nn.Linear(8, 4), nn.Linear(4, 8)
        self.codebook = nn.Embedding(6, 4)
        self.codebook.weight.data.uniform_(-1 / 6, 1 / 6)

    def forward(self, x):
        z = self.encode(x)
        e = self.codebook.weight
        soft = (-(z.pow(2).sum(-1, keepdim=True) - 2 * z @ e.T + e.pow(2).sum(-1))).softmax(-1)
        return self.decode(soft @ e)


@block((1, 6, 16))
class learned_queries(nn.Module):
    """DETR's queries, registers, a class token, layer scale."""

    def __init__(self):
        super().__init__()
        self.queries = nn.Embedding(3, 16)
        self.registers = nn.Parameter(torch.zeros(1, 2, 16))
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.scale = nn.Parameter(torch.full((16,), 1e-5))
        self.norm = nn.LayerNorm(16)
        self.register_buffer("position", positions(6, 16)[None])

    def forward(self, x):
        q = self.queries.weight[None].expand(x.shape[0], -1, -1)
        q = torch.cat([q, self.registers.expand(x.shape[0], -1, -1)], 1)
        return self.norm(q + self.scale * self.attention(q, x + self.position, x)[0])


@block((1, 3, 8, 8))
class standardised_convolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(randn(4, 3, 3, 3))
        self.gain = nn.Parameter(torch.ones(4, 1, 1, 1))
        self.bias = nn.Parameter(torch.zeros(4))

    def forward(self, x):
        w = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        w = w / (w.std((1, 2, 3), keepdim=True) + 1e-5) * self.gain
        return F.conv2d(x, w, self.bias)


@block((1, 3, 8, 8))
class squeeze_excite(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.down, self.up = nn.Conv2d(8, 2, 1), nn.Conv2d(2, 8, 1)

    def forward(self, x):
        x = F.relu6(self.conv(x) + 3) / 6
        return x * F.hardsigmoid(self.up(F.silu(self.down(x.mean((2, 3), keepdim=True)))))


@block((1, 6, 8))
class state_space(nn.Module):
    """A diagonal state space layer, unrolled: A = −exp(A_log), D = 1."""

    def __init__(self):
        super().__init__()
        self.a_log = nn.Parameter(torch.arange(1.0, 5).log().repeat(8, 1))
        self.d = nn.Parameter(torch.ones(8))
        self.project = nn.Linear(8, 8 + 4 + 4)
        self.step = nn.Parameter(torch.full((8,), -4.6))

    def forward(self, x):
        delta, b, c = self.project(x).split([8, 4, 4], -1)
        delta = F.softplus(delta + self.step)
        a = -self.a_log.exp()
        h, out = torch.zeros(x.shape[0], 8, 4), []
        for t in range(6):
            h = torch.exp(delta[:, t, :, None] * a) * h + (delta[:, t] * x[:, t])[..., None] * b[:, t, None]
            out.append((h * c[:, t, None]).sum(-1) + self.d * x[:, t])
        return torch.stack(out, 1)


@block((1, 4))
class uncertainty_weights(nn.Module):
    """Log variances of several tasks, learned; a constant temperature beside a learned one of the same value."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 2), nn.Linear(4, 2)
        self.log_variance = nn.Parameter(torch.zeros(2))
        self.temperature = nn.Parameter(torch.ones(1) * 0.5)
        self.register_buffer("fixed", torch.ones(1) * 0.5)

    def forward(self, x):
        a = self.a(x) / self.temperature
        b = self.b(x) / self.fixed
        return a * torch.exp(-self.log_variance[0]) + b * torch.exp(-self.log_variance[1]) + self.log_variance.sum()


@block((1, 5, 8))
class equal_twins(nn.Module):
    """Different modules that start out equal: zero biases, unit gains, copies; and one real tie."""

    def __init__(self):
        super().__init__()
        import copy

        self.first = nn.Linear(8, 8)
        nn.init.zeros_(self.first.bias)
        self.second = copy.deepcopy(self.first)
        self.norm1, self.norm2 = nn.LayerNorm(8), nn.LayerNorm(8)
        self.register_buffer("zero", torch.zeros(8))
        self.register_buffer("one", torch.ones(8))

    def forward(self, x):
        x = self.norm1(self.first(x).relu()) * self.one
        x = self.norm2(self.second(x).relu()) + self.zero
        return self.first(x)


@block((1, 8), name="mlp-constant-init")
def mlp_constant_init():
    net = Norm(nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 3))
    nn.init.constant_(net.layers[0].weight, 0.5)
    nn.init.eye_(net.layers[2].weight)
    nn.init.zeros_(net.layers[4].weight)
    for i in (0, 2, 4):
        nn.init.zeros_(net.layers[i].bias)
    return net


@block((1, 1, 8, 8), name="unet")
class unet(nn.Module):
    def __init__(self):
        super().__init__()
        step = lambda i, o: nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU())
        self.down, self.deep, self.up = step(1, 4), step(4, 8), step(12, 4)
        self.head = nn.Conv2d(4, 1, 1)

    def forward(self, x):
        a = self.down(x)
        b = F.interpolate(self.deep(F.max_pool2d(a, 2)), scale_factor=2, mode="nearest")
        return self.head(self.up(torch.cat([a, b], 1))).sigmoid()


@block((1, 4, 4), (1, 4, 4))
class knowledge_embedding(nn.Module):
    """Gaussian kernel with learned centres and widths beside fixed ones (SchNet's distances)."""

    def __init__(self):
        super().__init__()
        self.register_buffer("offset", torch.linspace(0, 3, 8))
        self.width = nn.Parameter(torch.ones(8))
        self.linear = nn.Linear(8, 2)

    def forward(self, a, b):
        d = (a - b).pow(2).sum(-1, keepdim=True).add(1e-12).sqrt()
        return self.linear(torch.exp(-10.0 * self.width * (d - self.offset) ** 2)) * (0.5 * (torch.cos(d * math.pi / 5.0) + 1.0))


@block((1, 6, 4))
class recurrent_by_hand(nn.Module):
    """A cell called at each step: its weights are used many times; the initial state is learned."""

    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(4, 4)
        self.start = nn.Parameter(torch.zeros(1, 4))

    def forward(self, x):
        h = self.start.expand(x.shape[0], -1)
        for t in range(6):
            h = self.cell(x[:, t], h)
        return h
