"""All planted bugs by name. The fuzzer has to find them."""

from tests.fuzz import c_bugs, pass_bugs, plan_bugs, rule_bugs, run_bugs  # noqa: F401  # each enters its own in the table
from tests.fuzz.planting import BUGS, Bug

__all__ = ["BUGS", "Bug"]
