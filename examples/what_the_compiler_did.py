"""What the compiler did: a model with needless work in it, what became of it, and the proof that it is the same model.

What to learn here: a program keeps a record of every pass and every rewrite. `explain` tells it: the law that was
used, both sides, your lines, and what was saved. `verify` checks it: both sides of every rewrite are computed on the
same numbers, special ones included, and so are the graphs before and after every pass. A wrong rule does not get by.

python examples/what_the_compiler_did.py
"""

import numpy as np

import minitorch as mt
from minitorch.inspection.verify import DisagreementError


def main() -> None:
    """Compile a wasteful model, tell what was done to it, check that, and see a wrong gradient rule caught."""
    x = mt.placeholder("x", ("batch", 3), dtype="float64")
    w = mt.parameter([[0.5], [-0.3], [0.8]], name="w", dtype="float64")
    scores = x @ w
    again = x @ w  # the same once more
    shifted = scores + -(again * 0.5)  # a + (-b) is a - b
    scaled = shifted * mt.exp(mt.constant(0.0))  # exp(0) is known now, and x * 1 is x
    loss = mt.mean(mt.square(scaled))
    step = mt.compile([x], loss, mt.optim.SGD([w], lr=0.1).minimize(loss), name="wasteful")

    # is what runs still what was written?
    print(f"written: {len(step.traced.nodes)} nodes, compiled: {len(step.graph.nodes)}, on {step.backend}")
    try:
        step.verify()
    except DisagreementError as error:
        print(f"a rewrite is wrong: {error}")
        raise
    checked = [r for p in step.passes for r in p.rewrites if r.checked]
    largest = max(r.difference or 0.0 for r in checked)
    print(f"verified: {len(checked)} rewrites; the largest difference that one made to a value: {largest:.1e}\n")

    # and what was done to it?
    print(step.explain())

    # the rules of differentiation are checked in the same spirit: here is one that is wrong
    cube = mt.ops.elementwise("cube", lambda a: a**3, lambda g, y, a: (g * 2 * a * a,))
    feeds = {x: np.array([[1.0, 2.0, 0.5], [0.1, -0.4, 1.5]])}
    print(f"\n{mt.check_gradients(loss, w, feeds)}")
    print(f"\n{mt.check_gradients(mt.mean(cube(scaled)), w, feeds)}")


if __name__ == "__main__":
    main()
