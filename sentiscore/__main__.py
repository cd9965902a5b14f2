"""`python -m sentiscore`, the same as the console script."""

from sentiscore.cli.main import main

main()
