"""Outputs that are inputs, views of them, constants, and one value twice."""

import numpy as np
from numpy import inf, nan

import minitorch as mt

t0 = mt.placeholder("x", ("n", 3), dtype="float32")
t1 = t0.T
t2 = t0[::-1]
t3 = mt.constant(np.array([1.0, 2.0], "float32"))
t4 = mt.tanh(t0)
t5 = t4[:1]
inputs = [t0]
outputs = [t0, t1, t2, t3, t3, t4, t4, t5]
updates = []
training = None
calls = [
    [np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "float32")],
    [np.zeros((0, 3), "float32")],
]

if __name__ == "__main__":
    start = [(p, p.data.copy()) for p, _ in updates]
    for backend in ("interpreter", "numpy"):
        for p, value in start:
            p.data = value
        program = mt.compile(inputs, outputs, updates, backend=backend, training=training)
        for arrays in calls:
            print(backend, program(*arrays), [p.data.tolist() for p, _ in updates])
