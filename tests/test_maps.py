"""Maps on the input: where an impulse lands, where cells stand, and how maps are described."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gwsim import maps
from gwsim.errors import GwsimError


def centroid(values):
    return float((values * torch.arange(len(values))).nansum() / values.nansum())


def test_an_impulse_lands_where_it_is():
    layers = nn.Sequential(nn.Conv2d(1, 1, 3), nn.MaxPool2d(2), nn.Conv2d(1, 1, 3)).double()
    for values in layers.parameters():
        values.data.fill_(float(values.ndim > 1))
    away = {align: [] for align in maps.ALIGNMENTS}
    for row, column in ((8, 24), (20, 9), (49, 17), (85, 20)):
        x = torch.zeros(1, 1, 94, 33, dtype=torch.float64)
        x[0, 0, row, column] = 1.0
        cells = layers(x)[:, 0].detach()
        for align in maps.ALIGNMENTS:
            found = maps.placed(cells, (94, 33), align, [(2.0, 3.5), (2.0, 3.5)])[0]
            away[align] += [centroid(found.nansum(1)) - row, centroid(found.nansum(0)) - column]
    assert np.abs(away["receptive_field"]).max() <= 1.0
    assert np.abs(away["resize"]).max() > 1.8


def test_cells_stand_at_their_centres():
    ramp = torch.arange(6.0)[None].expand(2, 6)
    found = maps.placed(ramp, (16,), "receptive_field", [(2.0, 3.5)])
    pixel = torch.arange(16.0)
    inside = (pixel >= 3.5) & (pixel <= 13.5)
    torch.testing.assert_close(found[0], torch.where(inside, (pixel - 3.5) / 2, torch.nan), equal_nan=True)
    plain = F.interpolate(ramp[:, None], size=16, mode="linear", align_corners=False)[:, 0]
    torch.testing.assert_close(maps.placed(ramp, (16,)), plain)
    with pytest.raises(GwsimError, match="align is 'centre', expected one of resize, receptive_field"):
        maps.placed(ramp, (16,), "centre")


def test_scaled_maps():
    made = torch.tensor([[1.0, 3.0, 2.0], [4.0, 4.0, 4.0], [torch.nan, 2.0, 6.0]])
    expected = torch.tensor([[0.0, 1.0, 0.5], [0.0, 0.0, 0.0], [torch.nan, 0.0, 1.0]])
    torch.testing.assert_close(maps.normalised(made), expected, equal_nan=True)


@pytest.mark.parametrize(("cells", "dims"), [((4, 3), ("y", "x")), ((7,), ("x",))])
def test_described_maps_are_named(cells, dims):
    made = np.random.default_rng(0).random((2, 5, *cells))
    columns = {"row": range(5), "probability": np.linspace(0, 1, 5)}
    found = maps.described(made, ["grad_cam", "score_cam"], columns, {"classes": "a b"})
    assert found["map"].dims == ("method", "sample", *dims) and found["map"].dtype == np.float32
    np.testing.assert_array_equal(found["map"], made.astype(np.float32))
    assert found["method"].attrs["flag_values"] == [0, 1]
    assert found["method"].attrs["flag_meanings"] == "grad_cam score_cam"
    assert found["row"].dtype == np.int64 and found["probability"].dtype == np.float32
    assert found["row"].dims == ("sample",) and found.attrs == {"classes": "a b"}
    with pytest.raises(KeyError, match="mass"):
        maps.described(made, ["grad_cam", "score_cam"], {"mass": range(5)}, {})
