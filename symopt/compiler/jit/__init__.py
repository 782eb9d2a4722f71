"""From the text of a kernel to machine code, kept on disk."""
