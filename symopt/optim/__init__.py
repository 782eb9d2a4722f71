"""The published rules, each as its paper writes it."""
