"""`python -m beacon_cli` is `beacon`."""

from beacon_cli.main import main

main()
