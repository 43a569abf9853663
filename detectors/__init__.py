"""The detectors that come with asdbench; the harness finds them as entry points."""
