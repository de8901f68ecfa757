"""Graph 46001367: c: compiling raised KeyError: <Tensor subtract f32[3, 3] made at <string>:1>"""

import numpy as np
from numpy import inf, nan

import minitorch as mt

t0 = mt.parameter(np.array([[1.5, -0.5, 2.0], [-1.5, 2.0, 1.0], [0.5, -1.0, -0.5]], "float32"), name="w2", dtype="float32")
t1 = mt.variable(np.array([[-0.5, -2.0, 0.0], [-1.0, 1.0, -0.5], [-0.5, 1.5, -0.5]], "float32"), name="w3", dtype="float32")
t2 = mt.mse_loss(t1, t0)
t3 = mt.arcsinh(t2)
t4 = mt.parameter(np.array([[-2.0, 0.0, -0.5]], "float32"), name="w7", dtype="float32")
t5 = mt.concatenate([t0, t4], 0)
t6 = mt.outer(t5, t5)
t7 = mt.diagonal(t6, 0, 1, 0)
t8 = mt.concatenate([t7, t7], 0)
t9 = t8 + -1.5
t10 = t3 / t9
t11 = mt.vjp([t10], [t0], [mt.ones_like(t10)])[0]
inputs = []
outputs = [t11]
updates = []
training = False
calls = [
    [],
]

if __name__ == "__main__":
    start = [(p, p.data.copy()) for p, _ in updates]
    for backend in ("interpreter", "numpy", "c"):
        for p, value in start:
            p.data = value
        program = mt.compile(inputs, outputs, updates, backend=backend, training=training)
        for arrays in calls:
            print(backend, program(*arrays), [p.data.tolist() for p, _ in updates])
