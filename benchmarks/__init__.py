"""What minitorch costs, measured beside what a person would write by hand: `python -m benchmarks.step`."""
