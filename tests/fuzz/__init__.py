"""The differential fuzzer: random graphs, run in several ways that must agree in every bit.

`python -m tests.fuzz --graphs 2000 --seed 0` runs it from the root of the repository. `case` describes a graph,
`makers` and `generate` make random ones, `reference` says what they mean, `check` compares, `shrink` makes failures
small, `bugs` plants bugs in the compiler and `measure` counts how many of them are found.
"""
