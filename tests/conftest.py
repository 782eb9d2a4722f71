"""Every test session compiles into a cache of its own, so that nothing outside can help or hurt."""

import os
import sys
import tempfile
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))  # the tests' own helpers: golden, textbook
os.environ.setdefault("SYMOPT_CACHE", tempfile.mkdtemp(prefix="symopt-tests-"))
settings.register_profile("symopt", derandomize=True, deadline=None)
settings.load_profile("symopt")
