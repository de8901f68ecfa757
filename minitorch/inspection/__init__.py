"""Inspection: tools over a program that answer what it computes, whether that is right, and what was done to it."""
