"""Profiles as data files: labels, data sets, label maps, lexicons, patterns, gates."""
