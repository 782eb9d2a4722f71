"""From programs to machine code: printer, library, cache and driver."""
