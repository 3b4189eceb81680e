"""`python -m gangwei` is the command line."""

from gangwei.cli import main

main()
