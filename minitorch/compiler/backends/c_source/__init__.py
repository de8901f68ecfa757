"""Plan to callable: C, generated, compiled and loaded."""
