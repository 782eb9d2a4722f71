"""Runs and sweeps: what is given is checked, launched, and returned with labels."""
