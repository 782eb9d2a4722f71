"""What a rule will do, from its own equations: spectra, limits, velocities, escape.

Formulas are SymPy expressions in symbols without assumptions, named as the hyperparameters;
``lambda`` is an eigenvalue of the Hessian, ``g`` a constant gradient, ``gamma`` the size of a
negative curvature, ``so.t`` the step.
"""

from symopt.theory._formulas import evaluate
from symopt.theory._growth import escape
from symopt.theory._linear import characteristic, linearize
from symopt.theory._predict import Prediction, predict
from symopt.theory._spectrum import rate
from symopt.theory._stability import stability_limit
from symopt.theory._velocity import terminal_velocity, velocity

__all__ = [
    "Prediction",
    "characteristic",
    "escape",
    "evaluate",
    "linearize",
    "predict",
    "rate",
    "stability_limit",
    "terminal_velocity",
    "velocity",
]
