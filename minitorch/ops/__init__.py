"""The operations, one row each: type rule, gradient rule as graph, reference kernel, cost.

A new operation is one more row, here or in a user's own file: it then has gradients of every order, runs on every
backend, is drawn, and is found by the tests.
"""

from minitorch.graph.tensor import registry, reserved
from minitorch.ops.contraction import *
from minitorch.ops.elementwise import *
from minitorch.ops.function import *
from minitorch.ops.gather import *
from minitorch.ops.leaf import *
from minitorch.ops.random import *
from minitorch.ops.reduction import *
from minitorch.ops.shape import *

reserved.update(registry)
