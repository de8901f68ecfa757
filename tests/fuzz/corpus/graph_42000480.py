"""Graph 42000480: c: no IndexError: the reference raises, the backend does not"""

import numpy as np
from numpy import inf, nan

import minitorch as mt

t0 = mt.placeholder("x0", ("m", 3), dtype="float32")
t1 = mt.variable(np.array([-1, 4, 1, -1], "int64"), name="w2", dtype="int64")
t2 = t0[:, t1]
inputs = [t0]
outputs = [t2]
updates = []
training = True
calls = [
    [np.zeros((0, 3), "float32")],
]

if __name__ == "__main__":
    start = [(p, p.data.copy()) for p, _ in updates]
    for backend in ("interpreter", "numpy", "c"):
        for p, value in start:
            p.data = value
        program = mt.compile(inputs, outputs, updates, backend=backend, training=training)
        for arrays in calls:
            print(backend, program(*arrays), [p.data.tolist() for p, _ in updates])
