"""The public names, the time and weight of importing, and the layers."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import symopt as so


def python(script):
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ
    ).stdout.strip()


def test_every_name_is_there_and_every_rule_is_a_name():
    assert all(hasattr(so, name) for name in so.__all__)
    assert set(so.optimizers) <= set(so.__all__)
    assert so.optimizers.adam is so.adam is so.optimizers["adam"]
    assert list(so.optimizers.textbook) == list(so.optimizers)[:7]
    assert len(so.optimizers) >= 37


def test_importing_is_light():
    heavy = python(
        "import sys, symopt; print([m for m in ('matplotlib', 'xarray', 'scipy.stats', 'pandas', 'typer', 'rich') if m in sys.modules])"
    )
    assert heavy == "[]"


def test_running_is_light_too():
    script = "import sys, symopt as so; so.minimize(so.parse('x^2'), 'gd', [1.0]); print('xarray' in sys.modules, 'matplotlib' in sys.modules)"
    assert python(script) == "False False"


BRAND_NEW = '''

@rule(m=0)
def brandnew(theta, m, *, grad, eta=0.01):
    """A rule (Somebody 2026)."""
    m = 0.5 * m - eta * grad(theta)
    return theta + m, m
'''


def test_one_function_is_all_a_new_optimizer_needs(tmp_path):
    """The command lists it, shows it and races it, and it is a public name."""
    package = Path(so.__file__).parent
    shutil.copytree(package, tmp_path / "symopt")
    text = (package / "optim" / "catalogue.py").read_text()
    (tmp_path / "symopt" / "optim" / "catalogue.py").write_text(text + BRAND_NEW)
    run = lambda *words: (
        subprocess.run(
            [sys.executable, *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
            env=os.environ,
        ).stdout
    )
    assert (
        run("-c", "import symopt as so; print(so.brandnew(eta=0.1), 'brandnew' in so.__all__)")
        == "brandnew(eta=0.1) True\n"
    )
    assert "m' = -eta*grad(theta) + 0.5*m" in run("-m", "symopt", "show", "brandnew")
    assert "brandnew" in run("-m", "symopt", "race", "x^2", "--start", "x=1", "--steps", "20")
