"""Training: examples, optimiser groups, the supervised loop and its checkpoints."""
