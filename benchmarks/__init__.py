"""What minitorch costs, measured beside its peers and beside what a person would write by hand: `python -m benchmarks`."""
