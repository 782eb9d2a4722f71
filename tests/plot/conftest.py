"""The tests' own helper, pictured, is found, and no picture opens a window."""

import sys
from pathlib import Path

import matplotlib

sys.path.insert(0, str(Path(__file__).parent))
matplotlib.use("Agg")
