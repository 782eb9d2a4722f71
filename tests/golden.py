"""Trajectories that torch, optax and keras produced, and how symopt spells their settings."""

import json
from pathlib import Path
from typing import Any

import numpy as np

import symopt as so

HERE = Path(__file__).parent
SHARED = HERE.parent.parent / "shared" / "golden"
FOLDER = SHARED if SHARED.exists() else HERE / "data" / "golden"
TEXTBOOK = ("gd", "momentum", "nag", "adagrad", "rmsprop", "adam", "nadam")


def runs() -> dict[str, dict[str, Any]]:
    """Return the runs of the seven textbook rules."""
    index = json.loads((FOLDER / "index.json").read_text())
    chosen = {name: run for name, run in index["runs"].items() if run["optimizer"] in TEXTBOOK}
    return {name: {**run, "formula": index["costs"][run["cost"]]["formula"]} for name, run in chosen.items()}


def trajectory(run: dict[str, Any], array: str) -> np.ndarray:
    """Return one stored array, shape (201, n)."""
    with np.load(FOLDER / run["file"]) as file:
        return file[run["arrays"][array]]


def rule_of(run: dict[str, Any]) -> so.Rule:
    """Return symopt's rule for a library's class and arguments, in the library's convention."""
    given = dict(run["hyperparameters"])
    library = run["library"]
    return {"torch": _torch, "optax": _optax, "keras": _keras}[library](run["optimizer"], given)


def _torch(name: str, given: dict[str, Any]) -> so.Rule:
    eta, decay = given["lr"], given.get("weight_decay") or None
    if name in ("gd", "momentum", "nag"):
        return _sgd(eta, given["momentum"], given["nesterov"], decay, given["dampening"] or None)
    if name == "adagrad":
        schedule = eta / (1 + given["lr_decay"] * (so.t - 1)) if given["lr_decay"] else eta
        start = float(given["initial_accumulator_value"])
        return so.adagrad(eta=schedule, epsilon=given["eps"], initial_accumulator=start, epsilon_inside=False)
    if name == "rmsprop":
        options = {"momentum": given["momentum"] or None, "centered": given["centered"], "epsilon_inside": False}
        return so.rmsprop(eta=eta, rho=given["alpha"], epsilon=given["eps"], **options)
    beta1, beta2 = given["betas"]
    shared = {"eta": eta, "beta1": beta1, "beta2": beta2, "epsilon": given["eps"], "weight_decay": decay}
    return so.adam(**shared) if name == "adam" else so.nadam(**shared, momentum_decay=given["momentum_decay"])


def _optax(name: str, given: dict[str, Any]) -> so.Rule:
    eta = given["learning_rate"]
    if name in ("gd", "momentum", "nag"):
        return _sgd(eta, given["momentum"], given["nesterov"])
    if name == "adagrad":
        return so.adagrad(eta=eta, epsilon=given["eps"], initial_accumulator=given["initial_accumulator_value"])
    if name == "rmsprop":
        options = {key: given[key] for key in ("momentum", "nesterov", "centered", "bias_correction")}
        return so.rmsprop(
            eta=eta, rho=given["decay"], epsilon=given["eps"], initial_accumulator=given["initial_scale"],
            epsilon_inside=given["eps_in_sqrt"], **options,
        )  # fmt: skip
    shared = {"eta": eta, "beta1": given["b1"], "beta2": given["b2"], "epsilon": given["eps"]}
    shared |= {"epsilon_root": given["eps_root"]}
    return so.adam(**shared) if name == "adam" else so.nadam(**shared, momentum_schedule=False)


def _keras(name: str, given: dict[str, Any]) -> so.Rule:
    eta = given["learning_rate"]
    if name in ("gd", "momentum", "nag"):
        return _sgd(eta, given["momentum"], given["nesterov"])
    if name == "adagrad":
        return so.adagrad(eta=eta, epsilon=given["epsilon"], initial_accumulator=given["initial_accumulator_value"])
    if name == "rmsprop":
        options = {"momentum": given["momentum"] or None, "centered": given["centered"]}
        return so.rmsprop(eta=eta, rho=given["rho"], epsilon=given["epsilon"], **options)
    shared = {"eta": eta, "beta1": given["beta_1"], "beta2": given["beta_2"], "epsilon": given["epsilon"]}
    return so.adam(**shared, epsilon_hat=True) if name == "adam" else so.nadam(**shared, momentum_decay=1.0)


def _sgd(
    eta: float, beta: float | None, nesterov: bool, decay: float | None = None, dampening: float | None = None
) -> so.Rule:
    if not beta:
        return so.gd(eta=eta, weight_decay=decay)
    if nesterov:
        return so.nesterov(eta=eta, beta=beta, shifted=True, weight_decay=decay)
    return so.momentum(eta=eta, beta=beta, dampening=dampening, weight_decay=decay)
