"""The loop over steps, for costs that are written out and for costs with loops."""
