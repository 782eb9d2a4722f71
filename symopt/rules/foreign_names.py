"""What papers and libraries call hyperparameters, and what a rule at hand calls the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from symopt.errors import did_you_mean
from symopt.rules.hyperparameters import Range, Ranges

Choice = tuple[str, ...]
"""Names of one thing, of which a rule is asked for the first that it has."""

RATE: Choice = ("eta", "lr", "learning_rate", "step_size", "alpha", "gamma")
MOMENTUM: Choice = ("beta", "beta1", "mu", "momentum")
AVERAGE_OF_SQUARES: Choice = ("rho", "beta3", "beta2", "decay")
SHARES = {"beta", "beta1", "beta2", "beta3", "rho", "decay", "mu", "momentum"}
"""Names that mean the share of an old average that is kept, where they may not exceed 1."""
MEANINGS: Mapping[str, tuple[Choice, ...]] = {
    **dict.fromkeys(
        ("lr", "learning_rate", "learningrate", "lrate", "step_size", "stepsize", "step", "eta0"),
        (RATE,),
    ),
    "eta": (RATE,),
    "alpha": (RATE, ("rho",)),  # the rate in papers, the average in PyTorch's RMSprop
    "gamma": ((*MOMENTUM[:2], "rho"), RATE),
    "beta": (("beta1",), ("beta2",), ("beta3",), ("rho",), ("decay",), ("mu", "momentum")),
    "betas": (("beta1", "beta"), ("beta2",), ("beta3",)),
    **dict.fromkeys(("beta1", "beta_1", "b1"), (MOMENTUM[::-1],)),
    **dict.fromkeys(("beta2", "beta_2", "b2"), (("beta2", "rho"),)),
    **dict.fromkeys(("beta3", "beta_3", "b3"), (("beta3", "beta2"),)),
    "momentum": (MOMENTUM,),
    "mu": ((*MOMENTUM, "damping"),),
    "rho": ((*AVERAGE_OF_SQUARES, "beta"),),
    "decay": (AVERAGE_OF_SQUARES[:1], ("weight_decay",)),
    "decay_rate": (AVERAGE_OF_SQUARES,),
    "eps": (("epsilon",),),
    "epsilon": (("eps",),),
    **dict.fromkeys(("weight_decay", "wd", "l2"), (("weight_decay",),)),
    "etas": (("shrink",), ("grow",)),
    "damp": (("damping",),),
    **dict.fromkeys(("lambda_", "lam"), (("damping", "weight_decay"),)),
    **dict.fromkeys(
        ("clipnorm", "clip_norm", "max_grad_norm", "threshold", "clip"), (("max_norm",),)
    ),
    **dict.fromkeys(("clipvalue", "clip_value"), (("max_value",),)),
    **dict.fromkeys(("lower", "min", "lb", "minimum"), (("low",),)),
    **dict.fromkeys(("upper", "max", "ub", "maximum"), (("high",),)),
    **dict.fromkeys(("bounds", "box"), (("low",), ("high",))),
    **dict.fromkeys(("std", "noise", "stddev"), (("sigma",),)),
    **dict.fromkeys(("sync_period", "la_steps"), (("k",),)),
    **dict.fromkeys(("slow_step_size", "la_alpha"), (("alpha",),)),
    **dict.fromkeys(("theta", "start", "x0"), ()),  # no typing error of eta
}
"""By a name in use elsewhere, what a rule may call what is meant."""
WRAPPERS = {
    **dict.fromkeys(("weight_decay", "wd", "l2"), "so.weight_decay({}, 0.01) adds it"),
    **dict.fromkeys(("clipnorm", "clip_norm", "max_grad_norm"), "so.clip_norm({}, 1.0) adds it"),
    **dict.fromkeys(("clipvalue", "clip_value"), "so.clip_value({}, 1.0) adds it"),
}
"""What adds to a rule what a name asks for."""


def own_names(name: str, known: Iterable[str], ranges: Ranges) -> list[str]:
    """Return what a rule with these names and ranges calls what is called ``name`` elsewhere.

    Examples
    --------
    >>> own_names("beta", ["eta", "beta1", "beta2", "epsilon"], {})
    ['beta1', 'beta2']
    """
    own = [key for key in known if _is_share(key, ranges)]
    found = (
        next((key for key in choice if key in own), "") for choice in MEANINGS.get(name.lower(), ())
    )
    return list(dict.fromkeys(filter(None, found)))


def suggest(name: str, rule: str, known: Iterable[str], ranges: Ranges) -> str:
    """Return what to write for a hyperparameter that a rule does not have, to follow a message."""
    names = list(known)
    if found := own_names(name, names, ranges):
        return f" (did you mean {' or '.join(map(repr, found))}?)"
    if name.lower() in WRAPPERS:
        return f"; {WRAPPERS[name.lower()].format(f'{rule}(...)')}"
    if name.lower() in MEANINGS:
        return f" (known: {', '.join(names) or 'none'})"
    return did_you_mean(name, names)


def _is_share(name: str, ranges: Ranges) -> bool:
    """Tell a name that means what it says here from a radius that is called rho."""
    place = ranges.get(name)
    return name not in SHARES or not isinstance(place, Range) or place.high <= 1
