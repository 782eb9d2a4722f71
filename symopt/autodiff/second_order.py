"""Hessians by forward mode on the gradient, and Gauss-Newton matrices."""

from __future__ import annotations

from collections.abc import Sequence

from symopt.autodiff.forward import tangent
from symopt.autodiff.reverse import gradient
from symopt.ir.keys import GaussNewtonEntry, HessianEntry, Key, Slope, Tangent
from symopt.ir.program import Graph, Program


def hessian(slopes: Program, by: Sequence[Key]) -> Program:
    """Return the program of the upper triangle of a Hessian, ``("hessian", i, j)`` for i <= j.

    ``slopes`` is a gradient by these keys.
    """
    graph = Graph()
    outputs: dict[Key, int] = {}
    for j, key in enumerate(by):
        column = graph.inline(tangent(slopes, {key: 1.0}), graph.input)
        outputs |= {HessianEntry(i, j): column[Tangent(Slope(i))] for i in range(j + 1)}
    return graph.program(outputs)


def gauss_newton(residuals: Sequence[tuple[Program, Program]], by: Sequence[Key]) -> Program:
    """Return the program of sum(2*c*r_i*r_j), the Gauss-Newton matrix of residuals r."""
    graph = Graph()
    outputs: dict[Key, int] = {}
    for factor, residual in residuals:
        twice = graph.op("mul", graph.const(2.0), graph.inline(factor, graph.input)["J"])
        slope = graph.inline(gradient(residual, by), graph.input)
        for j in range(len(by)):
            scaled = graph.op("mul", twice, slope[Slope(j)])
            for i in range(j + 1):
                key: Key = GaussNewtonEntry(i, j)
                term = graph.op("mul", scaled, slope[Slope(i)])
                if key in outputs:
                    outputs[key] = graph.op("add", outputs[key], term)
                else:
                    outputs[key] = term
    return graph.program(outputs)
