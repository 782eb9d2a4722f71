"""An experiment's file as a program of its own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from symopt.errors import SymoptError
from symopt.harness.discovery import check_experiment, read
from symopt.harness.session import conduct


def main(file: str) -> None:
    """Run the experiment that is this file, as ``python experiments/plateau.py --quick --out out``.

    It prints the table of its rows, and writes what ``symopt experiments run`` would write.

    Parameters
    ----------
    file
        The experiment's own ``__file__``.

    Raises
    ------
    SystemExit
        With code 1 if a part of the experiment raised, 2 for bad input, 130 after Ctrl-C.
    """
    experiment = read(Path(file).resolve())
    parser = argparse.ArgumentParser(
        description=f"{experiment.title} Claim: {experiment.claim}".replace("%", "%%")
    )
    parser.add_argument("--quick", action="store_true", help="a short form of it, in seconds")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("out", "experiments"),
        help="folder for rows, pictures and report.html; out/experiments if left out",
    )
    given = parser.parse_args()
    try:
        code = conduct([check_experiment(experiment)], given.out, given.quick)
    except SymoptError as error:
        sys.stderr.write(f"symopt: {' '.join(str(error).split())}\n")
        code = 2
    if code:
        sys.exit(code)
