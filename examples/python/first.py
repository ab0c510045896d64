"""A network, its kernels, and what they predict: NumPy and xtangent only.

    ./run python
"""

import numpy as np

import xtangent as xt

# %% Two classes that no line separates
draw = np.random.default_rng(0)
x, x_test = draw.normal(size=(600, 8)), draw.normal(size=(400, 8))
labels, labels_test = ((z[:, 0] * z[:, 1] > 0).astype(int) for z in (x, x_test))

# %% A network is trained, a few epochs only
initial = xt.network("mlp", sizes=[8, 512, 512, 2])
net = xt.train(initial, x, labels, epochs=8, rate=3e-3, progress=True).network
print("network          ", (net(x_test).argmax(1) == labels_test).mean())

# %% What the kernel will cost, and the kernel
print(xt.plan(net, x, memory="1G"))
k, k_test = xt.pntk(net, x, progress=True), xt.pntk(net, x_test, x)

# %% The linearized network, trained to the end
outputs = xt.regression(k, ridge=1e-2).predict(k_test, np.eye(2)[labels], net(x), net(x_test))
print("kernel regression", (outputs.argmax(1) == labels_test).mean())

# %% How far the pseudo-NTK is from the exact kernel
print("difference       ", xt.certificate(net, x, k))
