"""From SymPy to programs, in stable forms."""
