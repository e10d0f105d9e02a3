# SPDX-License-Identifier: MIT
"""The command ``gru-ext serve``."""

from __future__ import annotations

import argparse
import os

from gru_ext.arguments.messages import printable
from gru_ext.cli.options import given_options
from gru_ext.serve.options import ServeOptions


def run(arguments: argparse.Namespace) -> None:
    """Serve a page to write with a model, until Ctrl-C."""
    options = given_options(ServeOptions, arguments)

    from gru_ext.model.model import load
    from gru_ext.serve.answers import Answers
    from gru_ext.serve.page import page_of
    from gru_ext.serve.server import Server

    model = load(arguments.model)
    answers = Answers(model)
    page = page_of(model, os.path.basename(arguments.model))
    with Server(options.port, page, {"read": answers.read, "continue": answers.propose}) as server:
        print(f"{printable(arguments.model)} is served at {server.address}")
        print("Only this machine can open it, with this address. Ctrl-C ends.", flush=True)
        try:
            if options.open:
                import webbrowser

                webbrowser.open(server.address)
            server.serve_forever()
        except KeyboardInterrupt:
            print("\nended", flush=True)
