# SPDX-License-Identifier: MIT
"""The options of ``gru-ext serve``, each declared once."""

from __future__ import annotations

from gru_ext.arguments.kinds import Flag, Whole
from gru_ext.arguments.option import Option, Options

SERVE = "serve"


class ServeOptions(Options):
    """Where the page is served, beside the model."""

    port: Option[int] = Option(
        Whole(0, 65535), "port of 127.0.0.1", SERVE, default=0, automatic="a free one"
    )
    open: Option[bool] = Option(Flag(), "open the page in the browser", SERVE, default=False)
