"""Graph 42003276: c: no IndexError: the reference raises, the backend does not"""

import numpy as np
from numpy import inf, nan

import minitorch as mt

t0 = mt.placeholder("x0", (2,), dtype="int64")
t1 = mt.placeholder("x14", (1, "n"), dtype="float32")
t2 = t1[t0]
inputs = [t0, t1]
outputs = [t2]
updates = []
training = True
calls = [
    [np.array([4, -2], "int64"), np.zeros((1, 0), "float32")],
]

if __name__ == "__main__":
    start = [(p, p.data.copy()) for p, _ in updates]
    for backend in ("interpreter", "numpy", "c"):
        for p, value in start:
            p.data = value
        program = mt.compile(inputs, outputs, updates, backend=backend, training=training)
        for arrays in calls:
            print(backend, program(*arrays), [p.data.tolist() for p, _ in updates])
