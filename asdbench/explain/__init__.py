"""One cell of a report in full: why its gap is what it is, down to single clips."""

from asdbench.explain.build import explain
from asdbench.explain.model import Explanation
from asdbench.explain.places import Found, Place, find_places

__all__ = ["Explanation", "Found", "Place", "explain", "find_places"]
