"""Whole runs: from files and a profile to an evaluated bundle in a run folder."""
