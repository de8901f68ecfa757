"""All planted bugs by name. The fuzzer has to find them.

Of the classes one fears, a fused region that reads a value updated inside it has no place until there is fusion.
"""

from tests.fuzz import pass_bugs, plan_bugs, rule_bugs, run_bugs  # noqa: F401  # each enters its own in the table
from tests.fuzz.planting import BUGS, Bug

__all__ = ["BUGS", "Bug"]
