"""Functions in the kernel language."""
