"""Labelled text: catalogue, readers, harmonising, deduplication and splits."""
