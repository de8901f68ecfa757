"""Rounding, squares and rectifiers of ints."""

import numpy as np
from numpy import inf, nan

import minitorch as mt

t0 = mt.placeholder("k", ("n",), dtype="int64")
t1 = mt.round(t0)
t2 = mt.relu(t0)
t3 = mt.square(t0)
t4 = t0**3
t5 = mt.floor(t0)
inputs = [t0]
outputs = [t1, t2, t3, t4, t5]
updates = []
training = None
calls = [
    [np.array([-2, 0, 3], "int64")],
]

if __name__ == "__main__":
    start = [(p, p.data.copy()) for p, _ in updates]
    for backend in ("interpreter", "numpy"):
        for p, value in start:
            p.data = value
        program = mt.compile(inputs, outputs, updates, backend=backend, training=training)
        for arrays in calls:
            print(backend, program(*arrays), [p.data.tolist() for p, _ in updates])
