"""Readers of published waveforms: files written here in each layout, the real ones, and every refusal.

The quadrupole of z85_sfhx must give the published h+ and hx of its four directions: they share only the
simulation with our formula.
"""

import warnings

import h5py
import numpy as np
import pytest

from gwsim.conventions import C_CGS, G_CGS, GM_SUN_CGS, KPC_CM, TENSOR_ORDER
from gwsim.errors import GwsimError
from gwsim.waveforms import ccsn_files, quadrupole

RATE, BOUNCE = 8192, 0.3
TIME = np.arange(2000) / RATE
PUBLISHED = "powell_mueller_heger_2021_z85_sfhx"


def wave(shift=0.0):
    """A trace-free tensor of a few cm, whose integrals are known: rows A, first and second integral."""
    omega = 2 * np.pi * 300
    phase = omega * TIME + np.arange(6)[:, None] + shift
    size = np.array([1.0, 2.0, 0.0, 1.5, 0.5, 0.7])[:, None]
    series = np.stack([size * np.cos(phase), size * np.sin(phase) / omega, -size * np.cos(phase) / omega**2])
    series[:, 2] = -series[:, 0] - series[:, 1]
    return series


TENSOR, RATE_OF_CHANGE, MOMENT = wave()
ROW = dict(zip(TENSOR_ORDER, TENSOR, strict=True))


def columns(names, time=TIME, factor=1.0, rows=ROW):
    known = {"t": time, "-": np.full(len(TIME), 7.0)}
    return np.column_stack([known[name] if name in known else factor * rows[name] for name in names.split()])


def write(path, table, heading=""):
    np.savetxt(path, table, fmt="%.17e", header=heading, comments="")
    return path


def same(moments, tensor=TENSOR, atol=1e-12):
    np.testing.assert_allclose(moments.time, TIME - BOUNCE, rtol=0, atol=1e-12)
    np.testing.assert_allclose(quadrupole.from_basis(moments.basis), tensor, rtol=0, atol=atol)
    assert not moments.fixed_direction


def refused(match, path, format, **options):
    with pytest.raises(GwsimError, match=match):
        ccsn_files.read(path, format, **options)


# ---------------------------------------------------------------- layouts

CGS = C_CGS**4 / G_CGS
MASS = GM_SUN_CGS / C_CGS**2  # cm
LAYOUTS = {
    "quad7_diag": ("t xx yy zz xy xz yz", 1.0, {}),
    "quad7_tri": ("t xx xy yy xz yz zz", CGS, {"unit": "cgs"}),
    "quad7_ninja": ("t xx xy xz yy yz zz", 1 / MASS, {"unit": "geom"}),
    "ott13": ("t - - - - xx xy xz yy yz zz", 1.0, {"unit": "cm"}),
    "scheidegger10": (
        "t - - - - xx xy xz yy yz zz",
        1 / (2 * KPC_CM),
        {"unit": "strain", "distance_kpc": 2.0},
    ),
    "mueller12": ("- t - - - - xx yy zz xy xz yz", 1.0, {"unit": "cm"}),
}


@pytest.mark.parametrize("format", LAYOUTS)
def test_tensor_layout(format, tmp_path):
    names, factor, options = LAYOUTS[format]
    path = write(tmp_path / "wave.dat", columns(names, factor=factor))
    same(ccsn_files.read(path, format, t_bounce=BOUNCE, **options))


def test_powell_averages_the_two_halves_of_the_matrix(tmp_path):
    skew = 0.3
    rows = ROW | {lower: ROW[upper] + skew for lower, upper in (("yx", "xy"), ("zx", "xz"), ("zy", "yz"))}
    rows |= {name: ROW[name] - skew for name in ("xy", "xz", "yz")}
    path = write(tmp_path / "wave.txt", columns("- t xx xy xz yx yy yz zx zy zz - -", rows=rows))
    same(ccsn_files.read(path, "powell", t_bounce=BOUNCE))


def test_fornax13_differentiates_the_rate_of_change(tmp_path):
    rows = dict(zip(TENSOR_ORDER, RATE_OF_CHANGE, strict=True))
    table = columns("t - - - - - - xx xy xz yy yz zz", rows=rows, factor=C_CGS**4 / GM_SUN_CGS)
    heading = "1:time 2:I_xx 3:I_xy 4:I_xz 5:I_yy 6:I_yz 7:I_zz 8:I_dot_xx 9:I_dot_xy 13:I_dot_zz"
    moments = ccsn_files.read(write(tmp_path / "q.dat", table, heading), "fornax13", t_bounce=BOUNCE)
    # A cubic spline's derivative errs by (omega dt)^4 / 30 inside, by 3 % in the last steps.
    inside = slice(10, -10)
    got = quadrupole.from_basis(moments.basis)[:, inside]
    np.testing.assert_allclose(got, TENSOR[:, inside], rtol=0, atol=1e-3)


def test_moment_is_differentiated_twice(tmp_path):
    rows = dict(zip(TENSOR_ORDER, MOMENT, strict=True))
    second = GM_SUN_CGS / C_CGS**3
    factor = 1 / (MASS * second**2)
    path = write(tmp_path / "q.dat", columns("t xx yy zz xy xz yz", TIME / second, factor, rows))
    options = {"unit": "geom", "t_unit": "geom", "quantity": "Q", "t_bounce": BOUNCE}
    moments = ccsn_files.read(path, "quad7_diag", **options)
    inside = slice(10, -10)
    got = quadrupole.from_basis(moments.basis)[:, inside]
    np.testing.assert_allclose(got, TENSOR[:, inside], rtol=0, atol=2e-2)  # (omega dt)^2 / 12 of 2.2 cm


def test_generic_columns_by_place_and_by_order(tmp_path):
    path = write(tmp_path / "wave.dat", columns("zz - t xx yy xy xz yz", time=1e3 * TIME))
    options = {"unit": "cm", "quantity": "Qdd", "t_unit": "ms", "t_bounce": BOUNCE}
    order = ["zz", "-", "time", "xx", "yy", "xy", "xz", "yz"]
    same(ccsn_files.read(path, "columns", order=order, **options))
    places = {name: place for place, name in enumerate(order) if name != "-"}
    same(ccsn_files.read(path, "columns", columns=places, **options))


@pytest.mark.parametrize(
    "format, factor, options", [("strain3", 1.0, {}), ("pol_eq3", 1 / KPC_CM, {"t_bounce": 0})]
)
def test_fixed_direction_is_seen_from_the_pole(format, factor, options, tmp_path):
    path = write(tmp_path / "wave.txt", columns("t xx yy", factor=factor))
    moments = ccsn_files.read(path, format, **options)
    assert moments.fixed_direction
    plus, cross = quadrupole.polarisations(quadrupole.from_basis(moments.basis), 0.0, 0.0)
    np.testing.assert_allclose([plus, cross], [ROW["xx"], ROW["yy"]], rtol=0, atol=1e-12)


def seen_from_equator(moments):
    plus, cross = quadrupole.polarisations(quadrupole.from_basis(moments.basis), np.pi / 2, 0.6)
    np.testing.assert_allclose(cross, 0, atol=1e-12)
    return plus


def test_axisym2_gives_back_the_equator(tmp_path):
    path = write(tmp_path / "wave.txt", columns("t xx", time=1e3 * TIME, factor=1 / (10 * KPC_CM)))
    options = {"unit": "strain", "distance_kpc": 10, "t_unit": "ms", "t_bounce": BOUNCE}
    moments = ccsn_files.read(path, "axisym2", **options)
    np.testing.assert_allclose(seen_from_equator(moments), ROW["xx"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(moments.time, TIME - BOUNCE, rtol=0, atol=1e-12)


def richers(path, strain="strain*dist(cm)"):
    with h5py.File(path, "w") as file:
        for name in ("A300w0.50_LS220", "A300w1.00_LS220"):
            group = file.create_group(f"waveforms/{name}")
            group["t-tb(s)"] = TIME - BOUNCE
            group[strain] = 20 * ROW["xx"]
    return path


def test_richers_h5_gives_back_the_equator(tmp_path):
    moments = ccsn_files.read(richers(tmp_path / "r.h5"), "richers_h5", name="A300w1.00_LS220")
    np.testing.assert_allclose(seen_from_equator(moments), 20 * ROW["xx"], rtol=1e-12)
    np.testing.assert_array_equal(moments.time, TIME - BOUNCE)


def test_native_is_read_as_written(tmp_path):
    path = tmp_path / "wave.h5"
    ccsn_files.write_native(path, TIME, TENSOR, {"t_bounce": BOUNCE, "name": "test"})
    same(ccsn_files.read(path, "native"))
    moved = ccsn_files.read(path, "native", t_bounce=BOUNCE + 0.1)
    np.testing.assert_allclose(moved.time, TIME - BOUNCE - 0.1, atol=1e-12)
    assert [p.name for p in tmp_path.iterdir()] == ["wave.h5"]


def test_native_takes_matrices_and_other_orders(tmp_path):
    order = ["yz", "xx", "xz", "zz", "xy", "yy"]
    with h5py.File(tmp_path / "order.h5", "w") as file:
        file["time"], file["qdd_cm"] = TIME, np.stack([ROW[name] for name in order], axis=1)
        file.attrs.update({"t_bounce": BOUNCE, "order": " ".join(order)})
    same(ccsn_files.read(tmp_path / "order.h5", "native"))
    matrix = np.stack([[ROW["".join(sorted(i + j))] for j in "xyz"] for i in "xyz"])
    with h5py.File(tmp_path / "matrix.h5", "w") as file:
        file["time"], file["qdd_cm"] = TIME, matrix.transpose(2, 0, 1)
        file.attrs["t_bounce"] = BOUNCE
    same(ccsn_files.read(tmp_path / "matrix.h5", "native"))


# ---------------------------------------------------------------- what the reader mends, and warns of


def test_shuffled_and_doubled_times_are_mended(tmp_path):
    table = columns("t xx yy zz xy xz yz")
    sliver = table[500] + np.array([1e-3 / RATE, 9, -9, 0, 0, 0, 0])  # a restart's second, different sample
    order = np.random.default_rng(1).permutation(len(table))
    path = write(tmp_path / "wave.dat", np.concatenate([table[order], table[700:710], sliver[None]]))
    same(ccsn_files.read(path, "quad7_diag", t_bounce=BOUNCE))


def test_fortran_exponents_comments_and_blank_lines(tmp_path):
    path = write(tmp_path / "wave.dat", columns("t xx yy zz xy xz yz"), "# made by hand\n\ntime Qxx Qyy")
    path.write_text(path.read_text().replace("e", "D").replace("timD", "time"))
    same(ccsn_files.read(path, "quad7_diag", t_bounce=BOUNCE))


def test_trace_is_warned_of_and_removed(tmp_path):
    rows = {name: row + 0.5 * (name in ("xx", "yy", "zz")) for name, row in ROW.items()}
    path = write(tmp_path / "wave.dat", columns("t xx yy zz xy xz yz", rows=rows))
    with pytest.warns(UserWarning, match=r"wave.dat: the tensor has a trace of up to 1.5 cm"):
        same(ccsn_files.read(path, "quad7_diag", t_bounce=BOUNCE))


def test_clean_file_warns_of_nothing(tmp_path):
    path = write(tmp_path / "wave.dat", columns("t xx yy zz xy xz yz"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ccsn_files.read(path, "quad7_diag", t_bounce=BOUNCE)


def test_bounce_guess_finds_the_onset():
    basis = np.zeros((5, len(TIME)))
    basis[1, 800:] = -3.0
    basis[2, :800] = 0.1
    assert ccsn_files.bounce_guess(TIME, basis) == TIME[800]


# ---------------------------------------------------------------- refusals


@pytest.fixture
def good(tmp_path):
    return write(tmp_path / "wave.dat", columns("t xx yy zz xy xz yz"))


def test_unknown_format_lists_the_known(good):
    refused(r"unknown format 'powel', expected one of .*native, .*powell, .*strain3", good, "powel")


def test_missing_file(tmp_path):
    refused(r"absent.dat: no such file; hint", tmp_path / "absent.dat", "powell", t_bounce=0)


def test_unknown_options_are_all_named(good):
    match = r"format quad7_diag has no option t_bonce, units; it has .*t_bounce.*unit"
    refused(match, good, "quad7_diag", t_bonce=0.3, units="cm")


def test_missing_options_are_all_named(good):
    refused(r"quad7_tri needs the option unit, t_bounce", good, "quad7_tri")
    refused(r"needs the option distance_kpc", good, "quad7_tri", unit="strain", t_bounce=0)


@pytest.mark.parametrize(
    "option, match",
    [
        ({"unit": "inch"}, r"unit 'inch', expected one of cm, cgs"),
        ({"t_unit": "us"}, r"t_unit 'us', expected one of s, ms, geom"),
        ({"quantity": "Qddd"}, r"quantity 'Qddd', expected one of Qdd, Qdot, Q, strain"),
        ({"t_bounce": "now"}, r"t_bounce 'now', expected a finite number"),
        ({"t_bounce": float("nan")}, r"t_bounce nan, expected a finite number"),
        ({"unit": "strain", "distance_kpc": -1}, r"distance_kpc -1, expected a number above 0"),
        ({"unit": "strain", "distance_kpc": 1, "quantity": "Q"}, r"unit strain with quantity Q"),
    ],
)
def test_bad_values_of_options(option, match, good):
    refused(match, good, "quad7_diag", **({"t_bounce": 0} | option))


def test_columns_need_one_complete_map(good):
    options = {"unit": "cm", "quantity": "Qdd", "t_bounce": 0}
    refused("either columns or order, got none", good, "columns", **options)
    both = {"columns": {"time": 0}, "order": ["time"]}
    refused("either columns or order, got both", good, "columns", **both, **options)
    refused("columns time, xx, yy: expected time and", good, "columns", order=["time", "xx", "yy"], **options)
    refused("expected different integers", good, "columns", columns={"time": 0, "equator": 0}, **options)
    refused("expected different integers", good, "columns", columns={"time": 0, "equator": -1}, **options)
    refused("columns plus, cross: expected time", good, "columns", order=["plus", "cross"], **options)


def test_wrong_unit_is_seen_in_the_amplitude(good):
    match = r"wave.dat: the greatest amplitude is \S+e-49 cm, expected 0.05 to 1000 cm; hint: is the unit"
    refused(match, good, "quad7_diag", unit="cgs", t_bounce=0)
    refused(
        r"greatest amplitude is \S+e\+2\d cm", good, "quad7_diag", unit="strain", distance_kpc=10, t_bounce=0
    )


def test_wrong_time_unit_is_seen_in_the_span(tmp_path, good):
    slow = write(tmp_path / "ms.dat", columns("t xx yy zz xy xz yz", time=1e3 * TIME))
    refused(r"the times span 244 s, expected .* t_unit", slow, "quad7_diag", t_bounce=0)
    refused(r"the times span 0.000244 s, expected", good, "quad7_diag", t_unit="ms", t_bounce=0)


def spoil(path, line, words):
    lines = path.read_text().splitlines()
    lines[line - 1] = words
    path.write_text("\n".join(lines) + "\n")
    return path


def test_bad_lines_are_named(tmp_path, good):
    text = good.read_text()
    cases = [
        (1, "x 2.0 1.0 0 0 0 0", r"line 1 is not a row of numbers: x 2.0"),
        (50, "1.0 2.0 x 0 0 0 0", r"line 50 is not a row of numbers: 1.0 2.0 x"),
        (60, "1.0 2.0 nan 0 0 0 0", r"line 60 holds a value that is not finite: 1.0 2.0 nan"),
        (70, "1.0 2.0", r"line 70 has 2 columns, expected exactly 7; hint: a truncated file"),
    ]
    for line, words, match in cases:
        good.write_text(text)
        refused(match, spoil(good, line, words), "quad7_diag", t_bounce=0)


def test_truncated_and_narrow_and_empty_files(tmp_path, good):
    text = good.read_text()
    good.write_text(text[: len(text) // 2 + 40])
    refused(r"line 1\d\d\d has \d columns, expected exactly 7", good, "quad7_diag", t_bounce=0)
    good.write_text(text)
    refused(r"line 1 has 7 columns, expected at least 11", good, "powell", t_bounce=0)
    good.write_text("# nothing\n")
    refused(r"0 lines of numbers, expected at least 8", good, "quad7_diag", t_bounce=0)
    good.write_bytes(b"\x89HDF\r\n\xff\xfe")
    refused(r"wave.dat: not a text file .*hint: is it HDF5", good, "quad7_diag", t_bounce=0)


def test_corrupt_and_foreign_hdf5(tmp_path):
    path = tmp_path / "wave.h5"
    ccsn_files.write_native(path, TIME, TENSOR, {"t_bounce": 0})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(r"wave.h5: not a whole native file: .*; hint: fetch it again", path, "native")
    refused(r"not a whole native file: .*qdd_cm", richers(path), "native", t_bounce=0)
    refused(
        r"no waveform 'A1', expected the option name, one of 2: A300w0.50_LS220",
        path,
        "richers_h5",
        name="A1",
    )
    refused(r"no waveform None", path, "richers_h5")
    refused(r"format richers_h5 has no option t_bounce; it has name", path, "richers_h5", t_bounce=0)
    refused(r"not a whole richers_h5 file", richers(path, "h"), "richers_h5", name="A300w0.50_LS220")


def test_native_without_bounce_or_shape_or_order(tmp_path):
    path = tmp_path / "wave.h5"
    ccsn_files.write_native(path, TIME, TENSOR)
    refused("no attribute t_bounce and no option t_bounce", path, "native")
    ccsn_files.write_native(path, TIME, TENSOR, {"order": "xx yy", "t_bounce": 0})
    refused("attribute order 'xx yy', expected some order of xx yy zz", path, "native")
    ccsn_files.write_native(path, TIME, np.where(TENSOR > 1.9, np.nan, TENSOR), {"t_bounce": 0})
    refused("holds values that are not finite", path, "native")
    with h5py.File(path, "w") as file:
        file["time"], file["qdd_cm"] = TIME, TENSOR
    refused(
        r"values of shape \(6, 2000\) against 2000 times, expected \(2000, 6\)", path, "native", t_bounce=0
    )


# ---------------------------------------------------------------- real files


@pytest.fixture
def published(shared_data):
    folder = shared_data / "ccsn"
    if not folder.is_dir():
        pytest.skip("no published waveforms in shared/data")
    return folder


@pytest.mark.parametrize("i, j, name", [(0, 0, "phi0.000_theta0.000"), (0, 4, "phi0.000_theta1.459")])
@pytest.mark.parametrize("other", [False, True])
def test_z85_quadrupole_gives_the_published_strains(i, j, name, other, published, tmp_path):
    if other:  # the opposite pole, and the same latitude a third of a turn on
        i, j, name = (0, 9, "phi0.000_theta3.142") if j == 0 else (3, 4, "phi2.094_theta1.459")
    with h5py.File(published / PUBLISHED / "z85_sfhx_quadrupole.h5") as file:
        tensor = file["A_ij_cm"][...].T
    path = tmp_path / "z85.h5"
    ccsn_files.write_native(path, np.arange(tensor.shape[1]) / 16384, tensor, {"t_bounce": 0.0})
    basis = ccsn_files.read(path, "native").basis
    weights = quadrupole.weights(np.arccos(1 - 2 * j / 9), 2 * np.pi * i / 9)
    for weight, which in zip(weights, ("hplus", "hcross"), strict=True):
        expected = np.loadtxt(published / PUBLISHED / f"z85_sfhx_{name}_16384Hz_{which}.txt")
        got = weight @ basis / (10 * KPC_CM)
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("axis", "xyz")
def test_fornax_strains(axis, published):
    path = published / "fornax3d_9a" / f"9a_strains_{axis}.txt"
    moments = ccsn_files.read(path, "strain3")
    table = np.loadtxt(path)
    assert moments.fixed_direction
    assert len(moments.time) == len(table)
    plus, cross = quadrupole.polarisations(quadrupole.from_basis(moments.basis), 0.0, 0.0)
    np.testing.assert_allclose([plus, cross], table[:, 1:].T, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(moments.time, table[:, 0])


@pytest.mark.parametrize("where", ["pol", "equ"])
def test_andresen_strains(where, published):
    path = published / "andresen2019_m15" / f"And1815fr1kpc_{where}.txt"
    moments = ccsn_files.read(path, "pol_eq3", t_bounce=0.0)
    table = np.loadtxt(path)
    kept = np.isin(table[:, 0], moments.time)
    assert moments.fixed_direction
    # One sample in twenty stands twice, 1e-8 to 2e-6 s apart where the step is 5e-4 s.
    assert len(table) - kept.sum() == 45
    assert np.diff(moments.time).min() > 4e-6
    plus, cross = quadrupole.polarisations(quadrupole.from_basis(moments.basis), 0.0, 0.0)
    np.testing.assert_allclose([plus, cross], KPC_CM * table[kept, 1:].T, rtol=1e-12, atol=1e-12)
