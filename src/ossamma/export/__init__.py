"""The released model folder: the bundle that verifies itself, and its card."""
