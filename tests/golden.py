"""Trajectories that the real libraries produced: torch, optax, keras and packages for torch."""

import json
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
SHARED = HERE.parent.parent / "shared" / "golden"
FOLDER = SHARED if SHARED.exists() else HERE / "data" / "golden"


def runs() -> dict[str, dict[str, Any]]:
    """Return all runs, each with the formula of its cost."""
    index = json.loads((FOLDER / "index.json").read_text())
    return {name: {**run, "formula": index["costs"][run["cost"]]["formula"]} for name, run in index["runs"].items()}


def trajectory(run: dict[str, Any], array: str) -> np.ndarray:
    """Return one stored array, shape (201, n)."""
    with np.load(FOLDER / run["file"]) as file:
        return file[run["arrays"][array]]
