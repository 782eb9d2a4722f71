"""One hash of all results, whatever processor the kernels are compiled for."""

import os
import platform
import subprocess
import sys

import pytest

SCRIPT = """
import hashlib, warnings
import numpy as np, symopt as so
warnings.simplefilter("ignore")
texts = ["100*(y-x^2)^2 + (1-x)^2", "log(1+exp(x*y)) + abs(x-y)^1.5 + atan(x)*erf(y)", "sin(3*x)*cos(y) + x^4 + y^4",
         "-20*exp(-0.2*sqrt((x^2+y^2)/2)) - exp((cos(2*pi*x)+cos(2*pi*y))/2)", "tanh(x)^2 + sinh(y)^2 + asinh(x*y)",
         "sum((x[i+1]-x[i]^2)^2 + (1-x[i])^2, i, 0, n-2)", "max(x, y)^2 + min(x, -y)^2 + sqrt(1+x^2)"]
rules = ["gd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "nadam"]
starts = np.random.default_rng(0).uniform(-1, 1, (40, 2))
found = hashlib.sha256()
for text in texts:
    for rule in rules:
        data = so.sweep(so.parse(text), so.optimizers[rule](eta=0.01), starts, 50)[rule]
        for name in ("theta", "loss", "best_loss"):
            found.update(data[name].values.tobytes())
print(found.hexdigest())
"""
SETTINGS = [
    {}, {"NUMBA_CPU_NAME": "generic"}, {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""},
    {"NUMBA_CPU_FEATURES": ""}, {"NUMBA_CPU_FEATURES": "+sse4.2"}, {"NUMBA_CPU_FEATURES": "+avx"},
    {"NUMBA_CPU_FEATURES": "+avx2"}, {"NUMBA_CPU_FEATURES": "+avx2,+fma"}, {"NUMBA_CPU_FEATURES": "+avx2,-fma"},
    {"NUMBA_CPU_NAME": "nehalem", "NUMBA_CPU_FEATURES": ""}, {"NUMBA_CPU_NAME": "sandybridge", "NUMBA_CPU_FEATURES": ""},
    {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": ""}, {"NUMBA_CPU_NAME": "znver2", "NUMBA_CPU_FEATURES": "-sse4a"},
    {"NUMBA_CPU_NAME": "x86-64-v2", "NUMBA_CPU_FEATURES": ""}, {"NUMBA_OPT": "1"},
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="names of x86-64 processors")
def test_49_kernels_on_15_settings_of_the_processor_have_one_hash():
    found = {}
    for setting in SETTINGS:
        env = {**os.environ, "SYMOPT_CACHE": "off", **setting}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=False
        )
        if done.returncode != -4:  # an instruction that this processor does not have
            assert done.returncode == 0, (setting, done.stderr[-800:])
            found[str(setting)] = done.stdout
    assert len(found) >= 8
    assert len(set(found.values())) == 1, found
