"""Costs: from SymPy or text, checked, with their sizes and points."""
