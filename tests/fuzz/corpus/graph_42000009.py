"""Graph 42000009: c: compiling raised KeyError: <Tensor logical_and bool[] made at <string>:1>"""

import numpy as np
from numpy import inf, nan

import minitorch as mt

t0 = mt.placeholder("x0", (3, 4), dtype="float64")
t1 = mt.placeholder("x1", (4, 3), dtype="float64")
t2 = mt.parameter(np.array([1.5, 0.5, -2.0], "float64"), name="w3", dtype="float64")
t3 = mt.minimum(t1, t1)
t4 = mt.stack([t3, t3], -2)
t5 = mt.prod(mt.sum(t4, axis=0), axis=0)
t6 = mt.sum(t5)
t7 = mt.grad(t6, t5)
t8 = mt.mean(mt.prod(t0, axis=0), axis=None)
t9 = mt.jvp([t8], [t0], [mt.ones_like(t0)])[0]
t10 = mt.where(t9 > t3, t3, t9)
t11 = mt.logical_and(t6, t9)
inputs = [t0, t1]
outputs = [t11, t10]
updates = [(t2, t7)]
training = False
calls = [
    [
        np.array([[0.0, 0.5, -1.5, -1.5], [1.0, 1.0, 1.0, -1.5], [-2.0, -1.0, -1.0, 1.5]], "float64"),
        np.array([[1.0, 0.0, -0.5], [0.5, 1.0, -1.5], [-0.5, 0.5, -0.5], [-0.0, -1.0, inf]], "float64"),
    ],
]

if __name__ == "__main__":
    start = [(p, p.data.copy()) for p, _ in updates]
    for backend in ("interpreter", "numpy", "c"):
        for p, value in start:
            p.data = value
        program = mt.compile(inputs, outputs, updates, backend=backend, training=training)
        for arrays in calls:
            print(backend, program(*arrays), [p.data.tolist() for p, _ in updates])
