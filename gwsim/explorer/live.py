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
        if text is None or not text.isdecimal() or int(text) >= self.count:
            raise GwsimError(f"no point {text}: expected a number from 0 to {self.count - 1}")
        return int(text)


def application(folder: Path, answers: Answers, point_of: dict[tuple[str, int], int]) -> Dash:
    """Return the application; point_of: (dataset, row) -> point."""
    server = flask.Flask("gwsim explore", static_folder=None)
    _serve(server, folder, answers)
    page = (folder / "index.html").read_text()
    page = page.replace("<!-- live -->", "{%app_entry%}")
    page = page.replace('<script src="page.js">', f'{DASH}<script src="page.js">')
    app = Dash("gwsim explore", server=server, serve_locally=True, index_string=page, update_title=None)
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
    row = asked.get("row", "")
    point = point_of.get((asked.get("dataset"), int(row))) if row.isdecimal() else None
    if point is None:
        return None
    scores = answers.scores(point)
    rows = [
        html.Tr([html.Td(answers.classes[place]), html.Td(f"{scores[place]:.4f}")])
        for place in np.argsort(-scores, kind="stable")
    ]
    return [html.H2("Scores of all classes"), html.Table(rows)]
