"""Experiments: claims with a prediction, a measurement and a verdict."""

from symopt.harness import drawing, linear_rules, stats
from symopt.harness.claims import Outcome, Row
from symopt.harness.discovery import Experiment, choose, experiments, folder
from symopt.harness.newton import newton_minimum
from symopt.harness.runner import Finding, execute
from symopt.harness.script import main
from symopt.harness.session import conduct

__all__ = [
    "Experiment",
    "Finding",
    "Outcome",
    "Row",
    "choose",
    "conduct",
    "drawing",
    "execute",
    "experiments",
    "folder",
    "linear_rules",
    "main",
    "newton_minimum",
    "stats",
]
