"""A swap of two parameters, one of which is returned, and a third that reads both."""

import numpy as np
from numpy import inf, nan

import minitorch as mt

t0 = mt.parameter(np.array([1.0, 2.0], "float32"), dtype="float32")
t1 = mt.parameter(np.array([3.0, -4.0], "float32"), dtype="float32")
t2 = mt.parameter(np.array([0.5, 0.25], "float32"), dtype="float32")
t3 = t0 + t1[::-1]
inputs = []
outputs = [t0, t1, t0]
updates = [(t0, t1), (t1, t0), (t2, t3)]
training = None
calls = [
    [],
    [],
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
