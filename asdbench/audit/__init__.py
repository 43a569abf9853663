"""Audits of generators: leakage, copies, fidelity to conditions, coverage. Pure functions."""
