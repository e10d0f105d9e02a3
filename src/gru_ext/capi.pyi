# SPDX-License-Identifier: MIT
_API: object
