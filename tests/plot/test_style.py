"""The style: one sheet, used as a context; what every picture has in common."""

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from pictured import legend_is_outside, saved

import symopt as so
from symopt.plot._style import COLOURS, SHEET

RUN = so.minimize(so.parse("x^2 + 3*y^2"), so.momentum(eta=0.02), [1.0, 1.0], 60)
STUDY = so.sweep(
    so.parse("x^2"), so.gd(eta=np.geomspace(0.01, 0.5, 9)), so.uniform(-1, 1, 9, rng=0), 30
)
STARTS = so.uniform(-1, 1, 9, rng=0).draw(2)
ENDS = so.measure.basin(RUN.cost, so.sweep(RUN.cost, so.gd(eta=0.1), STARTS, 300)["gd"])
PLANE = (STUDY["gd"]["loss"].median("start") ** (1 / 60)).expand_dims(beta=[0.0, 0.5])
PICTURES = {
    "convergence": lambda ax=None: so.plot.convergence(RUN, ax, optimum=0.0, predicted=0.9),
    "trajectory": lambda ax=None: so.plot.trajectory(RUN, ax),
    "survival": lambda ax=None: so.plot.survival(
        so.measure.survival(([2, 3, 5], [True, True, False])), ax
    ),
    "sensitivity": lambda ax=None: so.plot.sensitivity(STUDY, ax),
    "basins": lambda ax=None: so.plot.basins(ENDS, STARTS, ax),
    "stability": lambda ax=None: so.plot.stability(PLANE, ax, boundary=so.gd),
    "schedule": lambda ax=None: so.plot.schedule(so.schedules.cosine(0.1), ax=ax),
    "velocity": lambda ax=None: so.plot.velocity(RUN, ax, predicted=0.01),
}


def test_every_public_picture_is_tested_here():
    assert set(PICTURES) == set(so.plot.__all__) - {"style", "line_style", "PREDICTED"}


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)
def test_a_picture_of_its_own_has_the_style_and_can_be_saved(draw):
    ax = draw()
    assert not ax.spines["top"].get_visible()
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    assert saved(ax)


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)
def test_axes_that_are_given_are_used_and_keep_their_settings(draw):
    with mpl.rc_context({"axes.spines.top": True, "axes.facecolor": "0.9"}):
        ax = Figure(layout="constrained").subplots()
        assert draw(ax) is ax
    assert ax.spines["top"].get_visible()
    assert mpl.colors.same_color(ax.get_facecolor(), "0.9")
    assert saved(ax)


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)
def test_settings_are_left_as_they_were(draw):
    before = dict(mpl.rcParams)
    draw()
    assert dict(mpl.rcParams) == before


def test_settings_come_back_after_an_error_too():
    before = dict(mpl.rcParams)
    with pytest.raises(ZeroDivisionError), so.plot.style():
        1 / 0
    assert dict(mpl.rcParams) == before


def test_own_pictures_do_not_follow_the_users_settings():
    with mpl.rc_context({"axes.spines.top": True, "axes.facecolor": "black"}):
        ax = so.plot.convergence(RUN)
        assert mpl.rcParams["axes.facecolor"] == "black"
    assert not ax.spines["top"].get_visible()
    assert mpl.colors.same_color(ax.get_facecolor(), "white")


def test_lines_of_ones_own_have_the_palette_inside_the_context():
    with so.plot.style():
        lines = [Figure().subplots().plot([0, 1])[0], *Figure().subplots().plot([[0, 1], [1, 2]])]
    assert lines[0].get_color() == COLOURS[0] == so.plot.line_style(0)["color"]
    assert lines[2].get_color() == COLOURS[1]


def test_the_sheet_is_known_to_matplotlib_by_its_name():
    with mpl.style.context("symopt.plot.symopt"):
        assert mpl.rcParams["axes.prop_cycle"].by_key()["color"] == list(COLOURS)
    assert SHEET.parent.name == "plot"


def as_seen(colour, missing):
    """A colour as seen without one kind of cones, in linear RGB (Viénot, Brettel and Mollon 1999)."""
    rows = {
        "L": [[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]],
        "M": [[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]],
    }
    return np.clip(np.array(rows[missing]) @ np.power(mpl.colors.to_rgb(colour), 2.2), 0, 1)


@pytest.mark.parametrize("missing", ["L", "M"])
def test_colours_differ_without_red_or_green_cones(missing):
    seen = [as_seen(colour, missing) ** (1 / 2.2) for colour in COLOURS]
    apart = [np.abs(a - b).max() for k, a in enumerate(seen) for b in seen[:k]]
    assert min(apart) > 0.09


def test_lines_are_told_apart_beyond_the_palette():
    looks = [tuple(map(str, so.plot.line_style(k).values())) for k in range(24)]
    assert len(set(looks)) == 24


def test_few_names_stand_inside_and_many_beside():
    runs = {f"a rule of length {k}": RUN for k in range(7)}
    assert not legend_is_outside(so.plot.convergence({"one": RUN}))
    assert legend_is_outside(so.plot.convergence(runs))


def test_pyplot_is_not_imported_by_any_picture():
    code = """
import sys, numpy as np, symopt as so
run = so.minimize(so.parse("x^2"), so.gd(eta=0.1), [1.0], 20)
so.plot.convergence(run)
so.plot.velocity(run)
so.plot.survival(so.measure.survival(([1, 2], [True, True])))
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_module_and_the_context_of_one_name_do_not_hide_each_other():
    from symopt.plot._style import line_style

    assert line_style is so.plot.line_style
    assert callable(so.plot.style)
    assert callable(so.plot.survival)
    assert callable(so.plot.sensitivity)
