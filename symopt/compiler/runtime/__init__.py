"""Kernels at work: blocks of runs, threads, the samples of each step."""
