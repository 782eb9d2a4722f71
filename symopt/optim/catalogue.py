"""The published rules in one place; a rule that stands here is known everywhere.

It is a public name, in ``so.optimizers``, in ``symopt show``, in the race, in the documentation and
in the common tests. Other packages register theirs in their ``pyproject.toml``:
``[project.entry-points."symopt.rules"]``, ``my_rule = "my_package:my_rule"``.
"""

from symopt.optim.accelerated import heavy_ball, ogm, polyak_step, silver, triple_momentum
from symopt.optim.adam import adam, adamax, adamw, amsgrad, qhadam, yogi
from symopt.optim.adaptive import adadelta, adagrad, adagrad_norm, rmsprop, rprop
from symopt.optim.layerwise import lamb, lars
from symopt.optim.momentum import gd, lion, momentum, nesterov, qhm, signsgd
from symopt.optim.nadam import adan, nadam, nadamw
from symopt.optim.perturbed import extragradient, perturbed_gd, sam
from symopt.optim.radam import adabelief, radam
from symopt.optim.schedule_free import schedule_free_adamw, schedule_free_sgd
from symopt.optim.second_order import damped_newton, gauss_newton, levenberg_marquardt, newton
from symopt.rules.rule import rule

__all__ = [  # rules that are written below need not be listed
    "adabelief",
    "adadelta",
    "adagrad",
    "adagrad_norm",
    "adam",
    "adamax",
    "adamw",
    "adan",
    "amsgrad",
    "damped_newton",
    "extragradient",
    "gauss_newton",
    "gd",
    "heavy_ball",
    "lamb",
    "lars",
    "levenberg_marquardt",
    "lion",
    "momentum",
    "nadam",
    "nadamw",
    "nesterov",
    "newton",
    "ogm",
    "perturbed_gd",
    "polyak_step",
    "qhadam",
    "qhm",
    "radam",
    "rmsprop",
    "rprop",
    "rule",
    "sam",
    "schedule_free_adamw",
    "schedule_free_sgd",
    "signsgd",
    "silver",
    "triple_momentum",
    "yogi",
]
