"""Graph 41000503: c: raised ValueError: strides is incompatible with shape of requested array and size of buffer"""

import numpy as np
from numpy import inf, nan

import minitorch as mt

t0 = mt.placeholder("x1", ("n",), dtype="float32")
t1 = t0 / t0
t2 = t1[::-1]
t3 = mt.arctanh(t2)
inputs = [t0]
outputs = [t3]
updates = []
training = True
calls = [
    [np.zeros((0,), "float32")],
]

if __name__ == "__main__":
    start = [(p, p.data.copy()) for p, _ in updates]
    for backend in ("interpreter", "numpy", "c"):
        for p, value in start:
            p.data = value
        program = mt.compile(inputs, outputs, updates, backend=backend, training=training)
        for arrays in calls:
            print(backend, program(*arrays), [p.data.tolist() for p, _ in updates])
