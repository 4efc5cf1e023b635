"""python -m polyseek"""

from polyseek.cli import main

main()
