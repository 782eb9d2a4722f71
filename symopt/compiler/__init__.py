"""From programs to machine code: the kernel language, its printer, its functions, its cache, its driver."""
