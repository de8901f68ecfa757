"""Kernels without `out` on values without axes, where NumPy makes scalars."""

import numpy as np
from numpy import inf, nan

import minitorch as mt

t0 = mt.constant(np.array(0.5, "float32"))
t1 = mt.sigmoid(t0)
t2 = mt.clip(t0, 1, -1)
t3 = mt.silu(t0)
inputs = []
outputs = [t1, t2, t3]
updates = []
training = None
calls = [
    [],
]

if __name__ == "__main__":
    start = [(p, p.data.copy()) for p, _ in updates]
    for backend in ("interpreter", "numpy"):
        for p, value in start:
            p.data = value
        program = mt.compile(inputs, outputs, updates, backend=backend, training=training)
        for arrays in calls:
            print(backend, program(*arrays), [p.data.tolist() for p, _ in updates])
