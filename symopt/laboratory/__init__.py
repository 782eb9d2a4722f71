"""Experiments: claims with a prediction, a measurement and a verdict; found, run, and written into a report."""

from symopt.laboratory.rows import Outcome, Row

__all__ = ["Outcome", "Row"]
