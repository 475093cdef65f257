"""Run the command line: ``python -m formgen``."""

from formgen.cli import main

if __name__ == "__main__":
    main()
