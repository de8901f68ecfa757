"""Graph 44000623: c: raised IndexError: an index is out of range"""

import numpy as np
from numpy import inf, nan

import minitorch as mt

t0 = mt.placeholder("x0", (), dtype="int64")
t1 = mt.placeholder("x10", ("m", 3), dtype="float32")
t2 = mt.take(t1, t0, 1)
inputs = [t0, t1]
outputs = [t2]
updates = []
training = None
calls = [
    [np.array(4, "int64"), np.zeros((0, 3), "float32")],
]

if __name__ == "__main__":
    start = [(p, p.data.copy()) for p, _ in updates]
    for backend in ("interpreter", "numpy", "c"):
        for p, value in start:
            p.data = value
        program = mt.compile(inputs, outputs, updates, backend=backend, training=training)
        for arrays in calls:
            print(backend, program(*arrays), [p.data.tolist() for p, _ in updates])
