"""Example of an asdbench plug-in package."""
