"""``python -m pixelforest``."""

import sys

from pixelforest.cli import main

sys.exit(main())
