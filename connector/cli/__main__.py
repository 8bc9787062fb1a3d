"""`python -m connector.cli` is `connector`."""

from . import main

main()
