# SPDX-License-Identifier: MIT
"""Files: written atomically, appended to record by record, or temporary."""

import os

StrPath = str | os.PathLike[str]
