"""Optimizers of other libraries, by the names and arguments they have there, as rules of symopt."""
