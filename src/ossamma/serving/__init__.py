"""Entities over HTTP: batching, limits, monitoring, alerts, a page for people."""
