"""The suites that come with asdbench."""
