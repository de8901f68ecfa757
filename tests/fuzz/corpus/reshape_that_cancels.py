"""A reshape that cancels another leaves a transpose, whose sum adds up in another order."""

import numpy as np
from numpy import inf, nan

import minitorch as mt

t0 = mt.parameter(
    np.array(
        [
            [0.5478467345237732, -0.9208531379699707, -1.8361059427261353],
            [-1.9338895082473755, 1.25308096408844, 1.6510223150253296],
        ],
        "float32",
    ),
    dtype="float32",
)
t1 = mt.reshape(mt.transpose(t0), t0.shape)
t2 = mt.reshape(t1, t1.shape[::-1])
t3 = t2.sum()
t4 = mt.broadcast_to(t3, (3, 3))
inputs = []
outputs = [t4]
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
