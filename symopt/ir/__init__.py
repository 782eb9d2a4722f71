"""Intermediate representation: programs, index expressions, a rule's step."""
