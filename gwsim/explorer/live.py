"""The explorer alive: the same page from a server on this machine, which makes maps when they are asked for.

Takes the page's folder and what answers for a point; gives a Dash application. Nothing is loaded from
anywhere else. Maps of all classes come from one set of masked passes, and are kept.
"""

import base64
import threading
from pathlib import Path
from urllib.parse import parse_qs

import flask
import numpy as np
import torch
from dash import Dash, Input, Output, dcc, html

from gwsim import cams
from gwsim.errors import GwsimError
from gwsim.explorer import saliency

METHOD = "score_cam"
# No number of a point or a row has more digits.
DIGITS = 10
# Dash demands these places in a page.
DASH = "<script>EXPLORER.about.live = true;</script>{%config%}{%scripts%}{%renderer%}"


class Answers:
    """Scores and maps of points; read(places) gives their examples. One point is worked on at a time."""

    def __init__(self, model, read, count: int, classes: list[str], score: str, tiles: tuple[int, ...]):
        self.count, self.classes = count, classes
        self._model, self._read, self._score, self._tiles = model, read, score, tiles
        self._lock, self._maps = threading.Lock(), {}

    def scores(self, point: int) -> np.ndarray:
        """Return the network's score of each class."""
        with self._lock, torch.no_grad():
            return self._model(self._example(point)).softmax(-1)[0].cpu().numpy()

    def maps(self, point: int) -> list[saliency.Map]:
        """Return the maps of all classes."""
        with self._lock:
            if point not in self._maps:
                x = self._example(point)
                target = torch.arange(len(self.classes), device=x.device)[None]
                made = cams.score_cam(self._model, x, target, score=self._score)[0].cpu().numpy()
                self._maps[point] = [
                    saliency.Map(place, METHOD, saliency.byte(one, self._tiles))
                    for place, one in enumerate(made)
                ]
            return self._maps[point]

    def _example(self, point: int) -> torch.Tensor:
        device = next(self._model.parameters()).device
        return torch.from_numpy(self._read(np.array([point]))).to(device)

    def place(self, text: str | None) -> int:
        """Return the point that a request names."""
        number = whole(text)
        if number is None or number >= self.count:
            raise GwsimError(
                f"no point {(text or 'was named')[:DIGITS]}: expected one from 0 to {self.count - 1}"
            )
        return number


def whole(text: str | None) -> int | None:
    """Return a number that a stranger wrote, if it is one of ours."""
    plain = text is not None and text.isascii() and text.isdecimal() and len(text) <= DIGITS
    return int(text) if plain else None


def application(folder: Path, answers: Answers, point_of: dict, hosts: list[str] | None = None) -> Dash:
    """Return the application; point_of: (dataset, row) -> point; hosts: names it answers to, None for all."""
    server = flask.Flask("gwsim explore", static_folder=None)
    # A page from elsewhere that has its own name resolved to this machine is none of ours.
    server.config["TRUSTED_HOSTS"] = hosts
    _serve(server, folder, answers)
    page = (folder / "index.html").read_text()
    page = page.replace("<!-- live -->", "{%app_entry%}")
    page = page.replace('<script src="page.js">', f'{DASH}<script src="page.js">')
    # Dash would serve a folder `assets` of wherever it is started.
    assets = {"assets_folder": str(folder / "no-assets"), "include_assets_files": False}
    own = {"server": server, "index_string": page, "update_title": None}
    app = Dash("gwsim explore", serve_locally=True, **own, **assets)
    app.layout = [dcc.Location(id="address"), html.Div(id="scores")]
    shown = app.callback(Output("scores", "children"), Input("address", "hash"))
    shown(lambda text: _scores(answers, point_of, text))
    return app


def _serve(server: flask.Flask, folder: Path, answers: Answers) -> None:
    """Serve the page's files, and the maps of a point."""
    for name in ("page.css", "page.js", "scene.js", "points.js"):
        server.add_url_rule(f"/{name}", name, lambda name=name: flask.send_from_directory(folder, name))
    for kind in ("sheets", "maps"):
        server.add_url_rule(
            f"/{kind}/<name>", kind, lambda name, kind=kind: flask.send_from_directory(folder / kind, name)
        )

    @server.get("/map")
    def answer():
        try:
            point = answers.place(flask.request.args.get("point"))
        except GwsimError as error:
            return {"error": str(error)}, 404
        found = answers.maps(point)
        cells = np.stack([one.cells for one in found])
        return {
            "points": [point] * len(found),
            "targets": [one.target for one in found],
            "methods": [one.method for one in found],
            "cells": base64.b64encode(cells.tobytes()).decode(),
        }


def _scores(answers: Answers, point_of: dict, text: str | None):
    """Return the table of all classes' scores of the point that an address names, the highest first."""
    asked = {name: values[0] for name, values in parse_qs((text or "").removeprefix("#")).items()}
    point = point_of.get((asked.get("dataset"), whole(asked.get("row"))))
    if point is None:
        return None
    scores = answers.scores(point)
    rows = [
        html.Tr([html.Td(answers.classes[place]), html.Td(f"{scores[place]:.4f}")])
        for place in np.argsort(-scores, kind="stable")
    ]
    return [html.H2("Scores of all classes"), html.Table(rows)]
