"""Tools over the program that runs: values, blame, cost, reasons, checks."""
