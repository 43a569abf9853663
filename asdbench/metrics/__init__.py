"""Metrics of anomaly scores, as functions of numpy arrays in float64."""
