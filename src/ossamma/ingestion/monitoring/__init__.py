"""What ingestions, streams and graphs tell Prometheus, when that is an alert, and a dashboard."""
