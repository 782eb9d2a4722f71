"""What is known of each rule, gathered from its equations: for the shell, and as pages of HTML."""

from symopt.manual.card import Card, card
from symopt.manual.pages import write_pages

__all__ = ["Card", "card", "write_pages"]
