"""Valley, Nesterov and the counter-examples: derived rows agree, predictions have other proofs, pictures are whole."""

import numpy as np
import pytest
import sympy as sp
from experiment_runs import loaded, quick, rows

import symopt as so

NAMES = ["valley", "nesterov", "nesterov_plane", "nesterov_rosenbrock", "momentum_cycle"]
NAMES += ["two_cycle", "adam_worst_point", "worst_function"]


@pytest.mark.parametrize("name", NAMES)
def test_every_row_agrees(name):
    assert [row.quantity for row in quick(name).rows if row.verdict != "agrees"] == []
    assert all(row.low <= row.measured <= row.high for row in quick(name).rows)
    assert len({row.quantity + row.relation + row.note for row in quick(name).rows}) == len(
        quick(name).rows
    )


def test_measurements_are_not_copies_of_predictions():
    many = [row for name in NAMES for row in quick(name).rows]
    assert sum(row.predicted != row.measured for row in many) > len(many) / 2


def test_known_factors():
    steps = {
        row.quantity: row.predicted for row in rows("valley", "kappa = 100,", "steps a decade")
    }
    factors = {
        name.split(", ")[1] + name.split(", ")[2][:4]: 10 ** (-1 / value)
        for name, value in steps.items()
    }
    assert factors["gdbest"] == pytest.approx(0.980198, abs=1e-6)
    assert factors["momentumbest"] == pytest.approx(0.818182, abs=1e-6)
    assert factors["nesterovstan"] == pytest.approx(0.9)
    assert factors["nesterovbest"] == pytest.approx(0.884722, abs=1e-6)


def test_the_papers_factors_are_those_of_the_matrices_and_no_parameters_nearby_are_better():
    valley = loaded("valley")
    for name, (rule, factor) in valley.rules(100.0).items():
        assert so.theory.rate(rule, [1, 100]) == pytest.approx(factor, abs=1e-6), name
        if name.endswith("best"):
            near = [
                {p: v * (1 + q * 0.01) for p, v in rule.values.items() if p in ("eta", "beta")}
                for q in (-1, 1)
            ]
            assert all(so.theory.rate(rule(**values), [1, 100]) > factor for values in near)


def test_the_dashed_slopes_are_those_of_the_runs():
    right = loaded("valley").plot(quick("valley"))["valley"].axes[1]
    dashed = [line.get_xydata() for line in right.lines if line.is_dashed()]
    runs = [
        line.get_xydata()
        for line in right.lines
        if not line.is_dashed() and len(line.get_xdata()) > 2
    ]
    assert len(dashed) == len(runs) == 4
    for line, run in zip(dashed, runs, strict=True):
        last = run[run[:, 1] > 1e-17][-40:]
        slopes = [np.polyfit(part[:, 0], np.log(part[:, 1]), 1)[0] for part in (line, last)]
        assert slopes[0] == pytest.approx(slopes[1], rel=0.05)


def test_a_wrong_parameter_is_noticed():
    valley = loaded("valley")
    rule, factor = valley.rules(100.0)["momentum, best"]
    rate = so.measure.rate(
        valley.fall(rule(beta=rule.values["beta"] + 1e-2), 100.0, factor), minimum=[0, 0]
    )
    assert valley.steps_row("momentum", 100.0, valley.per_decade(factor), rate).verdict == "failed"


def test_limits_lie_apart_for_the_two_rules_and_a_wrong_one_is_noticed():
    limits = {row.quantity: row.predicted for row in rows("nesterov", "largest stable eta")}
    assert limits["momentum, beta = 0.9: largest stable eta"] == pytest.approx(3.8)
    assert limits["nesterov, beta = 0.9: largest stable eta"] == pytest.approx(1.35714, abs=1e-5)
    assert all(
        0 < row.high - row.low < 0.01 * row.measured
        for row in rows("nesterov", "largest stable eta")
    )
    planes = quick("nesterov_plane").data["planes"]
    assert loaded("nesterov_plane").plane_row("momentum", planes["nesterov"]).verdict == "failed"


def test_nesterov_damps_and_loses_near_its_limit():
    factor = {row.quantity: row.measured for row in rows("nesterov", "beta = 0.9: factor per step")}
    pair = [[factor[f"{rule}, eta*lambda = {eta}, beta = 0.9: factor per step"] for rule in ("nesterov", "momentum")]
            for eta in (0.1, 0.9, 1.35, 1.5)]  # fmt: skip
    assert [nesterov < momentum for nesterov, momentum in pair] == [True, True, False, False]
    assert pair[-1][0] > 1 > pair[-1][1]


def test_the_cycle_is_the_one_of_the_paper_and_is_a_cycle():
    module = loaded("momentum_cycle")
    low, middle, high = module.cycle()
    assert [low, middle, high] == [sp.Rational(p, 1225) for p in (-2208, 792, 2592)]
    assert module.BENT.grad([float(high)])[0] == pytest.approx(25 * float(high) - 24)
    paths = so.minimize(module.BENT, module.POLYAK, [3.3], 600).history["theta"].values[-6:, 0]
    assert np.allclose(paths[:3], paths[3:])
    assert len(set(paths.round(6))) == 3


def test_adam_and_amsgrad_are_those_of_a_loop_in_python():
    module = loaded("adam_worst_point")
    C, rest, period, beta1, beta2 = module.CASES["C = 1010"]
    for rule in (module.adam, module.amsgrad):
        x = m = v = largest = 0.0
        path = quick("adam_worst_point").data["online"]["C = 1010", rule.name]
        for t in range(1, 1001):
            g = C if t % period == 1 else rest
            m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
            largest = max(largest, v)
            x = min(
                1.0,
                max(-1.0, x - 0.5 / t**0.5 * m / (largest if rule is module.amsgrad else v) ** 0.5),
            )
            if t in path["step"]:
                assert float(path.sel(step=t)) == pytest.approx(x, abs=1e-12)


def test_the_worst_function_is_as_hard_as_its_subspace():
    module = loaded("worst_function")
    H = module.J.hessian(np.zeros(module.SIZE))
    b = -module.J.grad(np.zeros(module.SIZE))
    assert np.linalg.eigvalsh(H)[-1] <= 1
    for k in (1, 10, 100):
        reached, best = (
            -b[:k] @ np.linalg.solve(H[:k, :k], b[:k]) / 2,
            -b @ np.linalg.solve(H, b) / 2,
        )
        assert reached - best == pytest.approx(module.least_gap(k))
    gap = {
        row.note: row.measured for row in rows("worst_function", "worst function, nesterov: gap")
    }
    assert list(gap.values()) == pytest.approx([1.98e-3] * 2, rel=1e-2)
    assert rows("worst_function", "worst function, gd: gap")[0].measured == pytest.approx(
        9.3e-3, rel=1e-2
    )


@pytest.mark.parametrize(
    ("name", "pictures"),
    [
        ("valley", {"valley": 2}),
        ("nesterov", {"damping": 1}),
        ("nesterov_plane", {"planes": 4, "factors": 1}),
        ("nesterov_rosenbrock", {"swings": 1}),
        ("momentum_cycle", {"cycle": 1}),
        ("two_cycle", {"swing": 1}),
        ("adam_worst_point", {"adam": 2}),
        ("worst_function", {"worst": 1}),
    ],
)
def test_pictures_and_theory_are_complete(name, pictures):
    module = loaded(name)
    assert module.__doc__.splitlines()[0].endswith(".")
    assert all(
        isinstance(value, sp.Basic | sp.MatrixBase | str) for value in module.theory().values()
    )
    figures = module.plot(quick(name))
    assert {key: len(figure.axes) for key, figure in figures.items()} == pictures
    for figure in figures.values():
        panels = [ax for ax in figure.axes if ax.get_xlabel()]
        assert panels
        assert all(ax.get_ylabel() for ax in panels[:1])
        labels = [label for ax in panels for label in ax.get_legend_handles_labels()[1]]
        assert any("predicted" in label or "bound" in label for label in labels)
        assert any(line.is_dashed() for ax in panels for line in ax.lines)
