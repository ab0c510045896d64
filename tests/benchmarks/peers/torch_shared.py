"""Networks that use a weight many times, as shared_weights.hpp has them: the same parameters in the same order."""
import torch
from torch import nn


def normal(*shape):
    return nn.Parameter(torch.randn(*shape) * 0.05)


class Recurrent(nn.Module):
    def __init__(self, gates):
        super().__init__()
        self.weight_ih, self.weight_hh = normal(gates * 128, 32), normal(gates * 128, 128)
        self.bias_ih, self.bias_hh = normal(gates * 128), normal(gates * 128)
        self.head = nn.Linear(128, 10)

    def forward(self, x):  # (1, steps, 32)
        from_x = x @ self.weight_ih.T + self.bias_ih
        h = c = torch.zeros(x.shape[0], 128, dtype=x.dtype)
        for t in range(x.shape[1]):
            h, c = self.step(from_x[:, t], h @ self.weight_hh.T + self.bias_hh, h, c)
        return self.head(h)


class Lstm(Recurrent):
    def __init__(self):
        super().__init__(4)

    def step(self, in_x, in_h, _, c):
        i, f, g, o = (in_x + in_h).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class Gru(Recurrent):
    def __init__(self):
        super().__init__(3)

    def step(self, in_x, in_h, h, c):
        (xr, xu, xn), (hr, hu, hn) = in_x.chunk(3, 1), in_h.chunk(3, 1)
        fresh = ((xn + (xr + hr).sigmoid() * hn)).tanh()
        return fresh + (xu + hu).sigmoid() * (h - fresh), c


class Attention(nn.Module):
    def __init__(self, features, heads, causal):
        super().__init__()
        self.in_proj_weight, self.in_proj_bias = normal(3 * features, features), normal(3 * features)
        self.out_proj = nn.Linear(features, features)
        self.heads, self.causal = heads, causal

    def forward(self, x):
        n, tokens, features = x.shape
        split = (x @ self.in_proj_weight.T + self.in_proj_bias).reshape(n, tokens, 3, self.heads, -1)
        q, k, v = split.permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        if self.causal:
            later = torch.ones(tokens, tokens, dtype=torch.bool).triu(1)
            scores = scores.masked_fill(later, float('-inf'))
        return self.out_proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, tokens, features))


class Block(nn.Module):
    def __init__(self, features, heads, hidden, causal=False):
        super().__init__()
        self.ln_1, self.self_attention = nn.LayerNorm(features, 1e-6), Attention(features, heads, causal)
        self.ln_2 = nn.LayerNorm(features, 1e-6)
        self.mlp = nn.Sequential(nn.Linear(features, hidden), nn.GELU(), nn.Linear(hidden, features))

    def forward(self, x):
        y = x + self.self_attention(self.ln_1(x))
        return y + self.mlp(self.ln_2(y))


class SharedVit(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches, self.block, self.head = nn.Linear(48, 64), Block(64, 4, 128), nn.Linear(64, 10)

    def forward(self, x):
        h = x.reshape(-1, 3, 8, 4, 8, 4).permute(0, 2, 4, 1, 3, 5).reshape(-1, 64, 48)
        h = self.patches(h)
        for _ in range(6):
            h = self.block(h)
        return self.head(h.mean(1))


class TiedGpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.positions = normal(1000, 64), normal(32, 64)
        self.first, self.second = Block(64, 4, 256, True), Block(64, 4, 256, True)

    def forward(self, x):
        h = self.embedding[x.long()] + self.positions
        return self.second(self.first(h))[:, -1] @ self.embedding.T


class UnrolledDeq(nn.Module):
    def __init__(self):
        super().__init__()
        self.input, self.inner, self.head = nn.Linear(784, 256), nn.Linear(256, 256, bias=False), nn.Linear(256, 10)

    def forward(self, x):
        u = self.input(x)
        z = u.tanh()
        for _ in range(29):
            z = (self.inner(z) + u).tanh()
        return self.head(z)


class TiedAutoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.outer, self.inner = normal(256, 784), normal(64, 256)

    def forward(self, x):
        code = (x @ self.outer.T).tanh() @ self.inner.T
        return (code @ self.inner).tanh() @ self.outer


SHARED = {'lstm': (Lstm, (100, 32)), 'gru': (Gru, (100, 32)), 'shared_vit': (SharedVit, (3, 32, 32)),
          'tied_gpt': (TiedGpt, (32,)), 'deq': (UnrolledDeq, (784,)), 'tied_autoencoder': (TiedAutoencoder, (784,))}
