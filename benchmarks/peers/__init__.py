"""One file for each library that takes part. Nothing here is imported before it is asked for."""
