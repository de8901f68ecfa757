"""Functions made of operations, with the arguments that NumPy's users expect. No gradient rules here."""

from minitorch.functional.elementwise import *
from minitorch.functional.indexing import *
from minitorch.functional.loss import *
from minitorch.functional.product import *
from minitorch.functional.random import *
from minitorch.functional.reduction import *
from minitorch.functional.shape import *
