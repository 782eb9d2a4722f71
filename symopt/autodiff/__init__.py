"""From an expression to a program, and from a program to its derivatives."""
