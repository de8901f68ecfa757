"""C: the plan as generated C."""
