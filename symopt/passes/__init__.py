"""From programs to programs: fused multiply-adds, gathering, mini-batches, bandwidth."""
