"""The differential fuzzer: random graphs, run in several ways that must agree in every bit, or but for rounding.

`python -m tests.fuzz --graphs 2000 --seed 0` runs it from the root of the repository, `--backends c` on C. `case`
describes a graph, `makers` and `generate` make random ones, `reference` says what they mean, `run` and `rounded` hold
a backend against that, `looped` its loop against its steps, `check` does all of it, `shrink` makes failures small,
`bugs` plants bugs in the compiler and `measure` counts how many of them are found.
"""
