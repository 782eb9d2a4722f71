"""From programs to the text of kernels."""
