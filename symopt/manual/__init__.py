"""What is known of each rule, gathered from its equations: for the shell, and as pages of HTML."""

from symopt.manual.pages import write_pages
from symopt.manual.rule_info import Card, card

__all__ = ["Card", "card", "write_pages"]
