# SPDX-License-Identifier: MIT
API: object
