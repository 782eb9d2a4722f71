"""One self-contained HTML page of rows, equations and pictures."""
