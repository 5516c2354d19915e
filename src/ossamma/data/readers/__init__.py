"""Readers: one module per file format, all of them yielding documents."""
