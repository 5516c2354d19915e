"""A graph in other people's forms."""
