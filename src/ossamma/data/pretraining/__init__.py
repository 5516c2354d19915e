"""Corpora for pre-training: readers of large texts, cleaning, duplicates, and prepared files."""
