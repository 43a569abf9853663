"""Embeddings that ship: clips to vectors whose distributions are compared.

Each is an entry point of the group ``asdbench.embeddings``, like anybody's own. Only
``logmel-stats`` needs no weights.
"""
