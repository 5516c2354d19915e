"""Text extraction: custom documents of many formats to plain text, within stated limits."""
