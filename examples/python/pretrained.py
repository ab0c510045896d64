"""A torch network as it is: its pNTK, regression, and the training images that predictions come from.

    ./run python examples/python/pretrained.py     # needs torch and pillow; writes results/pretrained.png
"""

import pathlib
import sys

import numpy as np
import torch
from PIL import Image

import xtangent as xt
from xtangent import readout

# %% Digits, and a network of PyTorch: in place of these lines, load yours
digits = np.loadtxt(sys.argv[1] if len(sys.argv) > 1 else "build/data/digits.csv.gz", delimiter=",")
x, y = torch.tensor(digits[:, :64] / 16, dtype=torch.float32).reshape(-1, 1, 8, 8), digits[:, 64].astype(int)
body = [torch.nn.Conv2d(1, 32, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten()]
model = torch.nn.Sequential(*body, torch.nn.Linear(512, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
optimizer = torch.optim.Adam(model.parameters(), 3e-3)
for _ in range(40):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(x[:1000]), torch.tensor(y[:1000])).backward()
    optimizer.step()

# %% Its pNTK, and regression with it
train, test = slice(0, 1000), slice(1000, 1200)
net = xt.network(model, x)
k, k_test = xt.pntk(net, x[train], progress=True), xt.pntk(net, x[test], x[train])
outputs = xt.regression(k, ridge=1e-3).predict(k_test, np.eye(10)[y[train]], net(x[train]), net(x[test]))
print(f"network {(net(x[test]).argmax(1) == y[test]).mean():.3f}, regression {(outputs.argmax(1) == y[test]).mean():.3f}")

# %% Five test images, and beside each the training images from which its prediction comes
margins = [readout.margin(y[part]) for part in (test, train)]
kernel = xt.kernel(net, x[test], x[train], readout=readout.between(*margins))
attribution = xt.attribution(xt.kernel(net, x[train], readout=margins[1]))
scores = attribution.scores(kernel, xt.misses(net(x[train]), y[train]))
rows = [[1000 + n, *np.argsort(-scores[n])[:6]] for n in range(5)]
picture = np.block([[np.pad(1 - x[i, 0].numpy(), 1) for i in row] for row in rows])
pathlib.Path("results").mkdir(exist_ok=True)
Image.fromarray((255 * picture).astype(np.uint8)).resize((700, 500), 0).save("results/pretrained.png")
