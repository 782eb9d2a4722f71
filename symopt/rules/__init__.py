"""Rules: an optimizer as a few equations, read and checked."""
