"""Scores and what may be concluded from them: metrics, calibration, errors, gates, report."""
