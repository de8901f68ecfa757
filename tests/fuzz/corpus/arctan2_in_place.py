"""arctan2 in place beside a flipped input of one element."""

import numpy as np
from numpy import inf, nan

import minitorch as mt

t0 = mt.placeholder("x", ("n",), dtype="float32")
t1 = mt.tan(t0[::-1])
t2 = mt.arctan2(t1, t0[::-1]) * 1.5
inputs = [t0]
outputs = [t2]
updates = []
training = None
calls = [
    [np.array([-1.0], "float32")],
    [np.array([0.30000001192092896], "float32")],
    [np.array([0.699999988079071, 0.20000000298023224], "float32")],
]

if __name__ == "__main__":
    start = [(p, p.data.copy()) for p, _ in updates]
    for backend in ("interpreter", "numpy"):
        for p, value in start:
            p.data = value
        program = mt.compile(inputs, outputs, updates, backend=backend, training=training)
        for arrays in calls:
            print(backend, program(*arrays), [p.data.tolist() for p, _ in updates])
