"""A clip whose upper bound has more elements than the rest."""

import numpy as np
from numpy import inf, nan

import minitorch as mt

t0 = mt.constant(np.array([[2.0]], "float32"))
t1 = mt.constant(np.array([[-1.5, -1.0, 1.0]], "float32"))
t2 = mt.clip(t0, t0, t1)
t3 = mt.parameter(np.array([0.5], "float32"), dtype="float32")
t4 = mt.parameter(np.array([0.5, 1.0, 1.5], "float32"), dtype="float32")
t5 = mt.clip(t3, t3, t4)
inputs = []
outputs = [t2, t5]
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
