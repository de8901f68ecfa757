"""A sum over no axes makes 0.0 of -0.0: it is not x."""

import numpy as np
from numpy import inf, nan

import minitorch as mt

t0 = mt.parameter(np.array([0.0, -0.0, -1.0], "float32"), dtype="float32")
t1 = mt.sum(t0, axis=())
t2 = mt.mean(t0, axis=(), keepdims=True)
inputs = []
outputs = [t1, t2]
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
