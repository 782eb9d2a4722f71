"""Trajectories that the real libraries produced: torch, optax, keras and packages for torch."""

import json
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parents[1]
FOLDER = HERE / "data" / "golden"


def runs() -> dict[str, dict[str, Any]]:
    """Return all runs, each with the formula of its cost."""
    index = json.loads((FOLDER / "index.json").read_text())
    return {
        name: {**run, "formula": index["costs"][run["cost"]]["formula"]}
        for name, run in index["runs"].items()
    }


def trajectory(run: dict[str, Any], array: str) -> np.ndarray:
    """Return one stored array, shape (201, n)."""
    with np.load(FOLDER / run["file"]) as file:
        return file[run["arrays"][array]]


def more_runs() -> dict[str, dict[str, Any]]:
    """Return runs with arguments that the others leave at their defaults, each with its trajectory."""
    folder = HERE / "data" / "libraries"
    index = json.loads((folder / "index.json").read_text())
    shared = {key: index[key] for key in ("formula", "params", "start")}
    with np.load(folder / "runs.npz") as file:
        return {
            name: {**run, **shared, "trajectory": file[name]} for name, run in index["runs"].items()
        }


def signatures() -> dict[str, dict[str, Any]]:
    """Return the arguments of each class and their defaults, as the libraries have them."""
    return json.loads((HERE / "data" / "libraries" / "signatures.json").read_text())
