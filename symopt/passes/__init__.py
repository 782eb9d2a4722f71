"""From programs to programs: fused multiply-adds, additions gathered, mini-batches, the bandwidth of a Hessian."""
