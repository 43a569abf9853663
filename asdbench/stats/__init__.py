"""Uncertainty of metrics: pure numpy, float64, randomness from a generator that is handed in."""
