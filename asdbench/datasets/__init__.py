"""Data sets: readers of recorded ones, and the simulated twin."""
