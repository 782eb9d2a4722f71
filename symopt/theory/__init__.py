"""What a rule will do, derived from its equations: spectra, stability limits, velocities, escape."""
