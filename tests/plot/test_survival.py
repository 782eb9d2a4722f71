"""Survival curves: steps, bands, strokes, predictions."""

import numpy as np
import pytest
import sympy as sp
from pictured import dashed, labels, legend_is_on_the_figure, legend_is_outside, saved

import symopt as so

TIMES = ([2, 3, 3, 5, 8, 8], [True, True, False, True, False, False])
CURVE = so.measure.survival(TIMES)
k = sp.Symbol("k")


def test_the_curve_is_a_step_function_with_its_band():
    ax = so.plot.survival(CURVE)
    line = ax.lines[0]
    assert line.get_drawstyle() == "steps-post"
    np.testing.assert_array_equal(line.get_xdata(), CURVE.step)
    np.testing.assert_array_equal(line.get_ydata(), CURVE.share)
    outline = ax.collections[0].get_paths()[0].vertices
    assert outline[:, 1].min() == CURVE.low.min()
    assert outline[:, 1].max() == CURVE.high.max()
    assert labels(ax) == ["3 of 6 arrived"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "share of runs that have not arrived")


def test_a_stroke_marks_runs_that_were_lost_and_those_that_never_arrived():
    strokes = so.plot.survival(
        so.measure.survival(([2, 3, 5, 8], [True, False, True, False]))
    ).lines[1]
    assert strokes.get_marker() == "|"
    assert strokes.get_xdata().tolist() == [3, 8]
    everyone = so.plot.survival(so.measure.survival(([2, 3], [True, True])))
    assert [line.get_marker() for line in everyone.lines] == ["None"]


def test_several_curves_have_names_and_colours_of_their_own():
    ax = so.plot.survival({"gd": CURVE, "adam": so.measure.survival(([1, 2], [True, True]))})
    assert labels(ax) == ["gd (3 of 6 arrived)", "adam (2 of 2 arrived)"]
    assert ax.lines[0].get_color() != ax.lines[2].get_color()
    assert labels(so.plot.survival([CURVE, CURVE]))[1] == "2 (3 of 6 arrived)"


def test_times_may_stand_in_place_of_a_curve():
    study = so.sweep(so.parse("x^2"), so.gd(eta=0.1), so.uniform(-1, 1, 20, rng=0), 60, record=True)
    times = so.measure.hitting(study["gd"], 1e-4)
    ax = so.plot.survival(times)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), so.measure.survival(times).share)


@pytest.mark.parametrize(
    "predicted", [sp.exp(-k / 4), lambda x: np.exp(-x / 4)], ids=["formula", "function"]
)
def test_the_prediction_is_dashed_and_has_its_values(predicted):
    ax = so.plot.survival({"gd": CURVE, "adam": CURVE}, predicted={"adam": predicted})
    (line,) = dashed(ax)
    np.testing.assert_allclose(line.get_ydata(), np.exp(-line.get_xdata() / 4), rtol=1e-12)
    assert line.get_xdata()[0] == 0
    assert labels(ax)[-1] == "predicted"
    assert ax.get_ylim() == so.plot.survival(CURVE).get_ylim()


def test_one_prediction_for_all_has_one_entry_in_the_legend():
    ax = so.plot.survival({"a": CURVE, "b": CURVE}, predicted=sp.exp(-k))
    assert len(dashed(ax)) == 2
    assert labels(ax).count("predicted") == 1


def test_steps_are_logarithmic_where_arrivals_span_decades_and_begin_at_0():
    far = so.measure.survival((np.geomspace(5, 5000, 40), [True] * 40))
    ax = so.plot.survival(far)
    assert ax.get_xscale() == "symlog"
    assert ax.get_xlim()[0] == 0
    assert ax.get_xlim()[1] > 5000
    assert so.plot.survival(CURVE).get_xscale() == "linear"


def test_a_crowd_has_its_legend_beside_the_picture():
    ax = so.plot.survival({f"rule {n}": CURVE for n in range(9)})
    assert legend_is_outside(ax)
    assert legend_is_on_the_figure(ax)
    assert saved(ax)


def test_nobody_arrived():
    ax = so.plot.survival(so.measure.survival(([50, 50], [False, False])))
    assert labels(ax) == ["0 of 2 arrived"]
    assert saved(ax)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: so.plot.survival([]), "nothing; expected so.measure.survival"),
        (lambda: so.plot.survival({}), "nothing; expected so.measure.survival"),
        (lambda: so.plot.survival(3.0), "a? ?float; expected"),
        (lambda: so.plot.survival({"gd": 3.0}), "float; expected"),
        (
            lambda: so.plot.survival({"gd": CURVE}, predicted={"dg": k}),
            "'dg', which is not drawn .known: gd",
        ),
        (
            lambda: so.plot.survival(CURVE, predicted=k * sp.Symbol("a")),
            "has the symbols a, k; expected one alone",
        ),
        (lambda: so.plot.survival(CURVE, predicted=sp.sqrt(k - 1)), "not a real number everywhere"),
        (
            lambda: so.plot.survival(CURVE, predicted=lambda x: x[:3]),
            "an array to one of the same shape",
        ),
        (
            lambda: so.plot.survival(CURVE, predicted="slow"),
            "expected a number, a SymPy expression, or a function",
        ),
    ],
    ids=[
        "list",
        "mapping",
        "number",
        "wrong value",
        "unknown",
        "symbols",
        "complex",
        "shape",
        "text",
    ],
)
def test_what_cannot_be_drawn_is_said(call, words):
    with pytest.raises(so.RunError, match=words):
        call()
