"""What minitorch costs beside its peers, and beside what a person would write by hand: `python -m benchmarks`."""
