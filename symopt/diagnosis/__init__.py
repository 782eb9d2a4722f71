"""What happens at a point: derivatives by their definition where compiled code has none."""
