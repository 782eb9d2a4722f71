"""The published rules, each as its paper writes it, with the paper's defaults; where libraries differ, an option."""
