"""Texts from a message broker to a sink: every message at least once, its effect exactly once."""
