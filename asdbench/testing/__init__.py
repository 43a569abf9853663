"""Executable contracts: what every plug-in must do, as checks with names."""
