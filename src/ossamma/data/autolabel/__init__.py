"""Automatic marks in text from real lexicons and patterns: precise, never exhaustive."""
