# SPDX-License-Identifier: MIT
import sys

from gru_ext.cli import main

sys.exit(main())
