"""Augmentation of training documents: pure functions that keep every offset exact."""
