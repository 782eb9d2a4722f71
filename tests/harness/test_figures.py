"""A figure's files: their bytes, their names, and the numbers in the CSV."""

import csv
import io
import re

import numpy as np
import pytest
from matplotlib.figure import Figure

from symopt.harness.figure_data import table
from symopt.harness.figure_export import MANY, pictures, plain


def read(figure):
    """Return the rows of a figure's CSV by axes and artist."""
    found = {}
    for row in csv.DictReader(io.StringIO(table(figure).decode())):
        found.setdefault((row["axes"], row["artist"]), []).append(row)
    return found


def numbers(rows, *columns):
    return [tuple(float(row[column]) for column in columns) for row in rows]


def one(**options):
    figure = Figure(**options)
    return figure, figure.subplots()


def test_lines_keep_every_bit_and_their_labels():
    figure, ax = one()
    y = [0.1, 1 / 3, float("nan")]
    ax.plot([1, 2, 3], y, label='a, "b"\nc')
    ax.plot([1], [2])
    ax.set(xlabel="step", ylabel="loss")
    found = read(figure)
    assert list(found) == [("step / loss", "line 1"), ("step / loss", "line 2")]
    assert [row["label"] for row in found["step / loss", "line 1"]] == ['a, "b"\nc'] * 3
    np.testing.assert_array_equal(
        numbers(found["step / loss", "line 1"], "y"), np.array(y)[:, None]
    )
    assert found["step / loss", "line 2"][0]["label"] == ""


def test_lines_across_the_axes_have_one_coordinate():
    figure, ax = one()
    ax.plot([0, 1], [0, 1])
    ax.axvline(3)
    ax.axhline(4)
    ax.axvspan(1, 2)
    ax.plot([0.5], [0.5], transform=ax.transAxes)  # decoration: no data
    found = {artist: rows for (_, artist), rows in read(figure).items()}
    assert list(found) == ["line 1", "line 2", "line 3", "bar 1"]
    assert [(row["x"], row["y"]) for row in found["line 2"]] == [("3.0", "")] * 2
    assert [(row["x"], row["y"]) for row in found["line 3"]] == [("", "4.0")] * 2
    assert (found["bar 1"][0]["x"], found["bar 1"][0]["y"]) == ("1.5", "")


def test_bars_and_categories():
    figure, ax = one()
    ax.bar(["gd", "adam"], [3, 5], label="steps")
    ax.barh([7], [2])
    found = read(figure)
    assert numbers(found["axes 1", "bar 1"] + found["axes 1", "bar 2"], "x", "y") == [
        (0, 3),
        (1, 5),
    ]
    assert (found["axes 1", "x tick"][1]["label"], found["axes 1", "x tick"][1]["x"]) == (
        "adam",
        "1.0",
    )


def test_named_ticks():
    figure, ax = one()
    ax.plot([0, 1], [0, 1])
    ax.set_yticks([0, 1], ["low", "high"])
    rows = read(figure)["axes 1", "y tick"]
    assert [(row["label"], row["x"], row["y"]) for row in rows] == [
        ("low", "", "0.0"),
        ("high", "", "1.0"),
    ]


def test_points_with_values():
    figure, ax = one()
    ax.scatter([1, 2], [3, 4], c=[5, 6], label="runs")
    ax.scatter([9], [8])
    found = read(figure)
    assert numbers(found["axes 1", "points 1"], "x", "y", "value") == [(1, 3, 5), (2, 4, 6)]
    assert numbers(found["axes 1", "points 2"], "x", "y") == [(9, 8)]
    assert found["axes 1", "points 2"][0]["value"] == ""


@pytest.mark.parametrize("shading", ["flat", "nearest", "gouraud"])
def test_meshes(shading):
    figure, ax = one()
    values = np.arange(6.0).reshape(2, 3)
    x, y = (np.arange(4), np.arange(3)) if shading == "flat" else (np.arange(3), np.arange(2))
    figure.colorbar(ax.pcolormesh(x, y, values, shading=shading))
    found = read(figure)
    assert list(found) == [("axes 1", "mesh 1")]
    shift = 0.5 if shading == "flat" else 0
    expected = [(i + shift, j + shift, values[j, i]) for j in range(2) for i in range(3)]
    assert numbers(found["axes 1", "mesh 1"], "x", "y", "value") == expected


@pytest.mark.parametrize("origin", ["upper", "lower"])
def test_images(origin):
    figure, ax = one()
    ax.imshow([[1, 2], [3, 4]], origin=origin, extent=(0, 2, 10, 12))
    rows = numbers(read(figure)["axes 1", "image 1"], "x", "y", "value")
    top, bottom = (11.5, 10.5) if origin == "upper" else (10.5, 11.5)
    if origin == "upper":
        assert rows == [(0.5, top, 1), (1.5, top, 2), (0.5, bottom, 3), (1.5, bottom, 4)]
    else:
        assert rows == [(0.5, 10.5, 1), (1.5, 10.5, 2), (0.5, 11.5, 3), (1.5, 11.5, 4)]


def test_masked_values_are_nan():
    figure, ax = one()
    ax.pcolormesh(np.ma.masked_less([[1.0, 2.0]], 1.5))
    assert read(figure)["axes 1", "mesh 1"][0]["value"] == "nan"


def test_areas_error_bars_contours_stairs():
    figure, ax = one()
    ax.fill_between([0, 1], [1, 2], [3, 4], label="interval")
    ax.errorbar([5], [6], yerr=[1])
    ax.contour([0, 1, 2], [0, 1, 2], [[0, 0, 0], [0, 1, 0], [0, 0, 0]], levels=[0.5])
    ax.stairs([1, 2], [0, 1, 2])
    found = {artist: rows for (_, artist), rows in read(figure).items()}
    assert {(0, 1), (1, 2), (0, 3), (1, 4)} <= set(numbers(found["area 1"], "x", "y"))
    assert numbers(found["segment 1"], "x", "y") == [(5, 5), (5, 7)]
    assert {row["value"] for row in found["contour 1"]} == {"0.5"}
    assert numbers(found["contour 1"], "x", "y")[0] in {(0.5, 1), (1, 0.5), (1.5, 1), (1, 1.5)}
    assert numbers(found["stairs 1"], "x", "y") == [(0, 1), (1, 2)]


def test_log_axes_hold_the_numbers_themselves():
    figure, ax = one()
    ax.loglog([1, 10], [1e-300, 1e300])
    assert numbers(read(figure)["axes 1", "line 1"], "x", "y") == [(1, 1e-300), (10, 1e300)]


def test_axes_are_told_apart():
    figure = Figure()
    axes = figure.subplots(1, 3)
    for ax in axes:
        ax.plot([1], [1])
        ax.set_title("loss")
    axes[2].inset_axes([0.5, 0.5, 0.3, 0.3]).plot([2], [2])
    assert [name for name, _ in read(figure)] == ["loss", "loss (2)", "loss (3)", "axes 4"]


def test_an_empty_figure():
    assert table(Figure()) == b"axes,artist,label,x,y,value\n"


# Files


def drawn():
    figure, ax = one(figsize=(4, 3))
    ax.plot([1, 2], [3, 4], "o-", label=r"$\eta$")
    ax.legend()
    return figure


def test_the_same_figure_gives_the_same_bytes():
    first, second = (pictures({"a": drawn()}, "small")["a"] for _ in range(2))
    assert first == second
    assert first.size == (384, 288)
    assert (first.svg[:5], first.pdf[:5], first.png[:4]) == (b"<?xml", b"%PDF-", b"\x89PNG")


def test_ids_of_two_figures_do_not_meet():
    made = pictures({"a": drawn(), "b": drawn()}, "small")
    clips = [set(re.findall(rb'clipPath id="(\w+)"', one.svg)) for one in made.values()]
    assert clips[0]
    assert not clips[0] & clips[1]


def test_names_are_names_of_files():
    figure, _ = one(figsize=(1, 1))
    assert list(pictures({"a/b": figure, "a b": figure, "../..": figure})) == [
        "a-b",
        "a-b-2",
        "figure",
    ]
    assert [plain(name) for name in ("η/β", "C:\\x", ".hidden", "")] == [
        "η-β",
        "C-x",
        "hidden",
        "figure",
    ]


def test_many_shapes_are_pixels_among_vectors():
    figure, ax = one(figsize=(4, 3))
    ax.plot(*np.random.default_rng(0).normal(size=(2, MANY + 1)), ".")
    ax.set_xlabel("step")
    made = pictures({"cloud": figure})["cloud"]
    assert len(made.svg) < 150_000
    assert b"image/png" in made.svg
    assert len(made.csv.splitlines()) == MANY + 2


@pytest.mark.parametrize("wrong", [[Figure()], {"a": 1}, None])
def test_what_is_no_figure(wrong):
    with pytest.raises(TypeError, match="expected a mapping from names to Figures"):
        pictures(wrong)
