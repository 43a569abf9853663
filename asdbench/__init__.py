"""asdbench: a benchmark harness for anomalous sound detection with synthetic anomalies."""

__version__ = "0.1.0"
