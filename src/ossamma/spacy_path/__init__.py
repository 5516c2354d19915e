"""The way to spaCy: its tokens, its models as recognisers, its training."""
