"""Experiments: claims with a prediction, a measurement and a verdict; found, run, and written into a report."""

from symopt.laboratory.find import Experiment, choose, experiments, folder
from symopt.laboratory.rows import Outcome, Row
from symopt.laboratory.runner import Finding, execute
from symopt.laboratory.script import main
from symopt.laboratory.session import conduct

__all__ = ["Experiment", "Finding", "Outcome", "Row", "choose", "conduct", "execute", "experiments", "folder", "main"]
