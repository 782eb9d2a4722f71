"""Study: the labelled results of a sweep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from symopt.costs.cost import Cost
from symopt.errors import RunError, did_you_mean
from symopt.lazy import cached_property
from symopt.rules.rule import Rule
from symopt.runs.datasets import Variable, over_runs
from symopt.runs.launch import Finished
from symopt.runs.options import RunOptions
from symopt.validation import equal

if TYPE_CHECKING:
    import xarray as xr


SECONDS = ("compile_seconds", "run_seconds")
"""What differs between two studies that found the same."""


@dataclass(frozen=True, repr=False, eq=False)
class Study(Mapping[str, "xr.Dataset"]):
    """Results by rule: ``study["adam"]`` is an ``xarray.Dataset`` over the axes of the sweep.

    Its variables, over the axes (hyperparameters, constants as ``cost.name``, ``start``):
    ``loss``, ``best_loss``, ``status``, ``steps``, ``gradient_evaluations``; with ``param`` also
    ``theta`` and ``best_theta``; with ``target`` the first step ``hit`` (NaN where none); with
    ``step`` the recorded ``history_loss`` and, with ``param``, ``history_theta``.

    Studies are equal where they hold the same rules and their Datasets are the same, NaN with NaN;
    how long they took does not count. They can be pickled and copied.
    """

    datasets: Mapping[str, xr.Dataset]
    finished: Mapping[str, Finished]
    interrupted: bool = False

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Study):
            return NotImplemented
        return equal(_without_seconds(self.datasets), _without_seconds(other.datasets))

    def __hash__(self) -> int:
        return hash(tuple(self.datasets))

    def __getitem__(self, name: str) -> xr.Dataset:
        if name not in self.datasets:
            raise RunError(f"the study has no rule {name!r}{did_you_mean(name, self.datasets)}")
        return self.datasets[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.datasets)

    def __len__(self) -> int:
        return len(self.datasets)

    @cached_property
    def tree(self) -> xr.DataTree:
        """The whole study as one tree, a node for each rule."""
        import xarray as xr

        return xr.DataTree.from_dict(dict(self.datasets))

    def reason(self, name: str, **place: int) -> str:
        """Say why one run ended; ``place`` counts along each axis, as in ``isel``.

        Examples
        --------
        >>> import symopt as so
        >>> study = so.sweep(so.parse("x^4"), so.gd(eta=[0.01, 10.0]), start=[1.0], steps=100)
        >>> study.reason("gd", eta=1)
        '|J| = 3.16947e+25 is beyond the limit 1e+20 after 2 steps, at x = 2.37272e+06'
        """
        status = self[name]["status"]
        missing = [dim for dim in status.dims if dim not in place]
        unknown = [dim for dim in place if dim not in status.dims]
        if missing or unknown:
            raise RunError(
                f"place a run by {', '.join(map(str, status.dims)) or 'nothing'}; given "
                f"{', '.join(place) or 'nothing'}"
            )
        index: Any = tuple(place[str(dim)] for dim in status.dims)
        run = int(np.arange(status.size).reshape(status.shape)[index])
        return self.finished[name].reason(run)

    def __repr__(self) -> str:
        title = "Study"
        if self.interrupted:
            title += " (interrupted)"
        return "\n".join([title, *map(self._summarise, self)])

    def _summarise(self, name: str) -> str:
        """Say in a line how many runs of a rule ended how."""
        dataset = self[name]
        status = dataset["status"]
        words, counts = np.unique(status.values, return_counts=True)
        ends = ", ".join(f"{count} {word}" for word, count in zip(words, counts, strict=True))
        axes = " x ".join(f"{dim} {status.sizes[dim]}" for dim in status.dims)
        best = f"best J = {float(dataset['best_loss'].min()):.6g}"
        return f"  {name}: {axes or 'one run'}; {ends}; {best}"


def _without_seconds(datasets: Mapping[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    return {
        name: dataset.drop_attrs(deep=False).assign_attrs(
            {key: value for key, value in dataset.attrs.items() if key not in SECONDS}
        )
        for name, dataset in datasets.items()
    }


def build_dataset(
    finished: Finished, runs: xr.DataArray, *, cost: Cost, rule: Rule, settings: RunOptions
) -> xr.Dataset:
    """Label what became of the runs of one rule; ``runs`` has their dimensions and coordinates."""
    import xarray as xr

    outcome = finished.outcome
    variables: dict[str, Variable] = {
        "loss": over_runs(runs, outcome.loss),
        "theta": over_runs(runs, outcome.iterate, "param"),
        "best_loss": over_runs(runs, outcome.best_loss),
        "best_theta": over_runs(runs, outcome.best_theta, "param"),
        "status": over_runs(runs, finished.status),
        "steps": over_runs(runs, outcome.steps.astype(np.int64)),
        "gradient_evaluations": over_runs(runs, finished.gradient_evaluations),
    }
    coords: dict[Any, Any] = {**runs.coords, "param": finished.labels()}
    if settings.targets:
        hits = np.where(outcome.hits < 0, np.nan, outcome.hits)
        variables["hit"] = over_runs(runs, hits, "target")
        coords["target"] = list(settings.targets)
    if len(settings.record):
        variables |= _history(finished, runs)
        coords["step"] = settings.record
    attrs = {
        "rule": repr(rule),
        "cost": repr(cost),
        "steps": settings.steps,
        "interrupted": int(outcome.interrupted),
        "compile_seconds": finished.compile_seconds,
        "run_seconds": outcome.seconds,
    }
    return xr.Dataset(variables, coords=coords, attrs=attrs)


def _history(finished: Finished, runs: xr.DataArray) -> dict[str, Variable]:
    """Label the recorded steps."""
    outcome = finished.outcome
    found = {"history_loss": over_runs(runs, outcome.history_loss.T, "step")}
    if outcome.history_theta is not None:
        paths = outcome.history_theta.transpose(1, 0, 2)
        found["history_theta"] = over_runs(runs, paths, "step", "param")
    return found
