"""``python -m symopt`` is the ``symopt`` command."""

from symopt.cli.app import main

if __name__ == "__main__":
    main()
