"""`python -m contender`."""

import sys

from contender.cli.main import main

sys.exit(main())
