"""No picture opens a window."""

import matplotlib

matplotlib.use("Agg")
