"""A whole run from a profile to a gated package, in phases that are made once and kept."""
