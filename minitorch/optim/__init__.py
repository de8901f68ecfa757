"""Optimisers: new values of parameters as graph, compiled into the step with everything else."""

from minitorch.optim import schedule
from minitorch.optim.adam import Adam, AdamW
from minitorch.optim.optimiser import Optimiser, Updates
from minitorch.optim.sgd import SGD

__all__ = ["Adam", "AdamW", "Optimiser", "SGD", "Updates", "schedule"]
