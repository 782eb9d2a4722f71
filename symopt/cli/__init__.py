"""The command ``symopt``."""
