"""Supervised training: a child process that is watched, helped over faults, and told of."""
