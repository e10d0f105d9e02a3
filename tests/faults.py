# SPDX-License-Identifier: MIT
"""Faults of a disk, in tests."""

opened = open


class Half:
    """A file on a disk that fills up: each write takes half of the data, until little is left."""

    def __init__(self, *arguments, **named):
        self.file = opened(*arguments, **named)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, data):
        if len(data) < 9:
            raise OSError(28, "No space left on device")
        return self.file.write(data[: len(data) // 2])
