"""`python -m mutualist` is the command `mutualist`."""

from mutualist.cli import main

if __name__ == "__main__":
    main()
