"""One self-contained HTML page of rows, equations and pictures."""

from symopt.report.page import Image, Line, Section, render

__all__ = ["Image", "Line", "Section", "render"]
