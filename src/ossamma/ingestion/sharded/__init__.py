"""Extraction in shards: files cut into parts, which any engine works on, in any order."""
