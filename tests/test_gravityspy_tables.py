"""Gravity Spy's tables, splits by id, and times placed in strain: no digit and no row lost silently."""

import gzip
from collections import Counter
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from gravityspy_pictures import glitch

from gwsim import segments
from gwsim.conventions import SPLIT_FRACTIONS
from gwsim.errors import GwsimError
from gwsim.gravityspy import sets, splits, tables, triggers

METADATA = (
    "event_time,ifo,peak_time,peak_time_ns,start_time,start_time_ns,duration,search,process_id,event_id,"
    "peak_frequency,central_freq,bandwidth,channel,amplitude,snr,confidence,chisq,chisq_dof,param_one_name,"
    "param_one_value,gravityspy_id,label,sample_type,url1,url2,url3,url4\n"
    "1134216192.92676,H1,1134216192,926760000,1134216192,832031000,0.1875,OMICRON,0,0,1337.69,1,2,GDS,1e-22,"
    "12.106,0.92,0,0,phase,-2.73,zmIdpucyOG,Whistle,train,a,b,c,d\n"
    "1129205497.000000011,L1,1129205497,11,1,2,1.5,Omicron,0,0,30.5,1,2,GDS,1e-22,"
    "8.5,0.5,0,0,phase,0,Abcdefghij,Scattered_Light,test,a,b,c,d\n"
)


def written(path, text):
    path.write_text(text)
    return path


def test_the_training_sets_metadata(tmp_path):
    table = tables.metadata(written(tmp_path / "metadata.csv", METADATA))
    assert table.to_dict("records")[0] == {
        "ifo": "H1",
        "id": "zmIdpucyOG",
        "label": "Whistle",
        "split": "train",
        "gps_second": 1134216192,
        "gps_nanosecond": 926760000,
        "snr": 12.106,
        "peak_frequency": 1337.69,
        "duration": 0.1875,
        "confidence": 0.92,
    }
    assert table["gps_nanosecond"].tolist() == [926760000, 11]
    assert table["gps_second"].dtype == "int64"


def test_the_first_metadata_have_no_more_than_three_columns(tmp_path):
    table = tables.metadata(written(tmp_path / "m.csv", "label,sample_type,gravityspy_id\nBlip,train,aaa\n"))
    assert table.to_dict("records") == [{"id": "aaa", "label": "Blip", "split": "train"}]


def test_times_keep_every_digit(tmp_path):
    """Against exact fractions: a float64 would be wrong by 0.1 microseconds."""
    texts = [
        "1126259462.123456789",
        "1126259462.4",
        "1268000000",
        "931000000.0000001",
        "1126259462.9999999999",
    ]
    rows = "".join(f"L1,Blip,{text}\n" for text in texts)
    path = tmp_path / "times.csv.gz"
    path.write_bytes(gzip.compress(f"ifo,ml_label,event_time_gps\n{rows}".encode()))
    table = tables.times(path)
    for text, second, nanosecond in zip(texts, table["gps_second"], table["gps_nanosecond"], strict=True):
        assert 0 <= Fraction(text) - second - Fraction(int(nanosecond), 10**9) < Fraction(1, 10**9)


def test_times_in_two_columns_are_taken_where_there_is_no_other(tmp_path):
    text = "peak_time_ns,peak_time,ml_label,gravityspy_id,ifo,ml_confidence\n7,1126259462,Blip,a,H1,0.75\n"
    table = tables.classifications(written(tmp_path / "c.csv", text))
    assert table[["gps_second", "gps_nanosecond", "confidence"]].to_numpy().tolist() == [
        [1126259462, 7, 0.75]
    ]


def test_all_columns_that_lack_are_named_at_once(tmp_path):
    path = written(tmp_path / "c.csv", "snr,peak_time,ml_label\n9,1126259462,Blip\n")
    with pytest.raises(GwsimError) as told:
        tables.classifications(path)
    for part in (
        "no column ifo",
        "no column gravityspy_id",
        "no column event_time or event_time_gps",
        "it has snr",
    ):
        assert part in str(told.value)
    with pytest.raises(GwsimError, match="cannot be read as a table"):
        tables.times(tmp_path / "nowhere.csv")


def test_bad_rows_are_told_with_counts_and_lines(tmp_path):
    text = (
        "ifo,ml_label,event_time_gps,snr,gravityspy_id\nL1,Blip,1126259462.5,9,a\nL1,Blip,1.126e9,9,b\n"
        "Hanford,Blip,1126259463,9,c\nL1,,1126259464,9,d\nL1,Blip,1126259465,loud,e\nL1,Blip,,9,f\n"
        "L1,Blip,1126259467,,g\nL1,Blip,1126259467,8,a\n"
    )
    path = written(tmp_path / "t.csv", text)
    with pytest.raises(GwsimError) as told:
        tables.times(path)
    for part in (
        "2 rows have a time that is no GPS time (line 3, 7)",
        "1 rows have an ifo that is none (line 4)",
        "1 rows have no label (line 5)",
        "1 rows have a snr that is no number (line 6)",
        "1 rows have the id of an earlier row (line 9)",
    ):
        assert part in str(told.value)
    faults = []
    assert tables.times(path, faults)["id"].tolist() == ["a", "g"]
    assert len(faults) == 5


def test_the_shared_list_of_times_is_read(shared_data):
    path = shared_data / "gravityspy_times_L1.csv.gz"
    if not path.is_file():
        pytest.skip("no list of times in shared/data")
    table = tables.times(path)
    assert len(table) == 275584
    assert table["gps_second"].between(1126000000, 1270000000).all()
    expected = pd.read_csv(path)["event_time_gps"]
    assert np.abs(table["gps_second"] - expected + table["gps_nanosecond"] / 1e9).max() < 1e-6


def triggers_table(count=600, seed=3):
    draw = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "ifo": draw.choice(["H1", "L1"], count),
            "gps_second": 1238000000 + draw.integers(0, 400000, count),
            "gps_nanosecond": draw.integers(0, 10**9, count),
            "label": draw.choice(["Blip", "Tomte", "Whistle"], count, p=[0.8, 0.15, 0.05]),
            "snr": draw.uniform(7.5, 50, count),
            "confidence": draw.uniform(0, 1, count),
        }
    )


def test_what_is_selected_is_what_was_asked_for():
    table = triggers_table()
    rows = tables.select(table, ["Blip", "Tomte"], "L1", 0.5, (10, 20))
    expected = table.query("label != 'Whistle' and ifo == 'L1' and confidence >= 0.5 and 10 <= snr < 20")
    assert sorted(rows["gps_nanosecond"]) == sorted(expected["gps_nanosecond"])
    assert rows["gps_second"].is_monotonic_increasing
    assert len(tables.select(table)) == len(table)


def test_a_limit_is_of_each_class_and_does_not_hang_on_the_order():
    table = triggers_table()
    few, more = tables.select(table, limit=10), tables.select(table, limit=20)
    assert Counter(few["label"]) == {"Blip": 10, "Tomte": 10, "Whistle": 10}
    assert set(few["gps_nanosecond"]) < set(more["gps_nanosecond"])
    assert tables.select(table.sample(frac=1, random_state=1), limit=10).equals(few)
    assert not tables.select(table, limit=10, seed=1).equals(few)
    # Spread over all of the time, not its beginning.
    assert np.ptp(few["gps_second"]) > 300000


def test_what_cannot_be_selected_is_told():
    table = triggers_table().drop(columns=["confidence"])
    with pytest.raises(GwsimError, match="cannot select by confidence: the table has ifo"):
        tables.select(table, confidence=0.9)
    with pytest.raises(GwsimError, match="no row of the classes Blips: the table has Blip, Tomte, Whistle"):
        tables.select(table, ["Blips"])


SIZES = {"Blip": 1869, "Chirp": 66, "Paired_Doves": 27, "Rare": 3}
IDS = [f"{label}{i}" for label, size in SIZES.items() for i in range(size)]
LABELS = [label for label, size in SIZES.items() for _ in range(size)]


def test_splits_have_their_fractions_in_every_class():
    found = splits.assign(IDS, LABELS, seed=5)
    for label, size in SIZES.items():
        counts = Counter(split for split, its in zip(found, LABELS, strict=True) if its == label)
        for split, fraction in SPLIT_FRACTIONS.items():
            assert abs(counts[split] - fraction * size) < 1
    # Two draws that have nothing to do with each other agree for sum of fraction^2.
    same = np.mean(
        [one == other for one, other in zip(found, splits.assign(IDS, LABELS, seed=6), strict=True)]
    )
    assert same == pytest.approx(0.7**2 + 2 * 0.15**2, abs=0.05)


def test_a_split_belongs_to_the_id_not_to_its_place():
    """Another order, four rows an id: the same splits, and all of one id in one."""
    order = np.random.default_rng(1).permutation(np.repeat(np.arange(len(IDS)), 4))
    expected = splits.assign(IDS, LABELS)
    mixed = splits.assign([IDS[i] for i in order], [LABELS[i] for i in order])
    assert mixed == [expected[i] for i in order]


def test_official_splits_are_kept():
    official = [("test" if i % 3 == 0 else None) for i in range(len(IDS))]
    found = splits.assign(IDS, LABELS, official=official)
    assert all(split == "test" for split, given in zip(found, official, strict=True) if given)
    others = Counter(split for split, given in zip(found, official, strict=True) if not given)
    assert others["train"] / others.total() == pytest.approx(0.7, abs=0.01)


def test_splits_that_contradict_are_told():
    with pytest.raises(GwsimError, match="1 glitches have several classes: a"):
        splits.assign(["a", "a", "b"], ["Blip", "Tomte", "Blip"])
    with pytest.raises(GwsimError, match="1 glitches have several official splits: a"):
        splits.assign(["a", "a"], ["Blip", "Blip"], official=["train", "test"])
    with pytest.raises(GwsimError, match="official splits exam"):
        splits.assign(["a"], ["Blip"], official=["exam"])
    with pytest.raises(GwsimError, match="add up to 1"):
        splits.assign(["a"], ["Blip"], {"train": 0.5, "test": 0.4})


def test_pictures_get_their_times_from_the_table(tmp_path):
    glitch(tmp_path / "set/train", "Whistle", "H1_zmIdpucyOG")
    glitch(tmp_path / "set/train", "Scattered_Light", "L1_Abcdefghij")
    glitch(tmp_path / "set/train", "Blip", "L1_unknown")
    table = tables.metadata(written(tmp_path / "metadata.csv", METADATA))
    joined, faults = sets.join(sets.find(tmp_path / "set").glitches, table)
    glitch(tmp_path / "flat", "Whistle", "H1_zmIdpucyOG")
    (flat,), _ = sets.join(sets.find(tmp_path / "flat").glitches, table)
    assert flat.split == "train"
    assert [one.gps for one in joined] == [None, 1129205497000000011, 1134216192926760000]
    assert faults == [
        "1 glitches are not in the table: L1_unknown",
        "1 differ between pictures and table, where the pictures' count: L1_Abcdefghij split train and test",
    ]


BLOCKS = [
    {"split": "test", "start": 2000, "end": 2128, "gps_block": 0},
    {"split": "train", "start": 1000, "end": 1128, "gps_block": 0},
    {"split": "train", "start": 1128, "end": 1300, "gps_block": 0},
]


def at(*seconds):
    seconds = [Fraction(second) for second in seconds]
    whole = [int(second) for second in seconds]
    nano = [int((a - b) * 10**9) for a, b in zip(seconds, whole, strict=True)]
    return pd.DataFrame({"gps_second": whole, "gps_nanosecond": nano, "mark": range(len(whole))})


def test_times_are_placed_where_their_whole_block_fits():
    times = at(
        "1032.4", "1031.6", "1031.4", "1096", "1096.6", "1127.9", "1160", "999.9", "1300", "2064.25", "5000"
    )
    placed, causes, faults = triggers.place(times, BLOCKS, 64)
    assert placed["mark"].tolist() == [0, 1, 3, 6, 9]
    assert placed["psd_block"].tolist() == [1, 1, 1, 2, 0]
    assert placed["split"].tolist() == ["train"] * 4 + ["test"]
    assert placed["start_second"].tolist() == [1000, 1000, 1064, 1128, 2032]
    assert placed["event_second"].to_numpy() == pytest.approx([32.4, 31.6, 32, 32, 32.25], abs=1e-9)
    assert causes == {"no strain": 3, "too near the block's edge": 3}
    assert faults == [
        "3 of 11 times left out: no strain",
        "3 of 11 times left out: too near the block's edge",
    ]


def test_no_block_and_no_time_are_no_fault_of_the_program():
    placed, causes, _ = triggers.place(at("1032"), [], 64)
    assert placed.empty
    assert causes["no strain"] == 1
    assert triggers.place(at(), BLOCKS, 64)[1] == {"no strain": 0, "too near the block's edge": 0}
    with pytest.raises(GwsimError, match="even whole number"):
        triggers.place(at("1032"), BLOCKS, 63)
    with pytest.raises(GwsimError, match="overlap"):
        triggers.place(
            at("1032"), [*BLOCKS, {"split": "train", "start": 1100, "end": 1200, "gps_block": 0}], 64
        )


def test_an_overlays_ranges_hold_whole_blocks_around_their_times():
    """Through the segments' own code: no fault of the splits, and no time lost but at a file's border."""
    times, settings = triggers_table(300), {"block": 4096, "stretch": 256, "stretch_min": 128}
    found = triggers.overlay(times, around=256, guard=8)["segments"]
    assert found["guard"] == 8
    resolved = segments.resolve_splits(found["splits"], 8)
    assert not segments.check_splits(resolved, 8, 256)
    blocks = [
        block
        for split, ranges in resolved.items()
        for start, end in ranges
        for block in segments.cut({"split": split, "start": start, "end": end}, settings)
    ]
    placed, causes, _ = triggers.place(times, blocks, 16)
    assert causes["no strain"] == 0
    assert len(placed) > 0.85 * len(times)
    shares = placed["split"].value_counts(normalize=True)
    assert shares["train"] == pytest.approx(0.7, abs=0.04)
    assert shares["test"] == pytest.approx(0.15, abs=0.04)


def test_a_range_stays_within_one_strain_file():
    borders = at(*(str(4096 * i + offset) for i, offset in ((300000, 3), (300002, 4090), (300004, 2000))))
    found = triggers.overlay(borders, around=256, fractions={"train": 0.5, "test": 0.5})
    ranges = sorted(one for its in found["segments"]["splits"].values() for one in its)
    assert ranges == [
        [4096 * 300000, 4096 * 300000 + 256],
        [4096 * 300003 - 256, 4096 * 300003],
        [4096 * 300004 + 1872, 4096 * 300004 + 2128],
    ]


def test_ranges_closer_than_the_guard_are_of_one_split():
    close = [[1237999872, 1238000128], [1238000130, 1238000386]]
    for seed in range(4):
        times = at("1238000000", "1238000258", "1238010000", "1238020000")
        found = triggers.overlay(times, 256, guard=8, seed=seed)["segments"]["splits"].values()
        assert [ranges for ranges in found if close[0] in ranges] == [close]
        apart = triggers.overlay(times, 256, guard=2, seed=seed)["segments"]["splits"].values()
        assert sum(len(ranges) == 1 for ranges in apart) == 2


def test_too_few_times_for_the_splits_are_told():
    with pytest.raises(GwsimError, match=r"2 times make 1 ranges .* 3 splits need one each"):
        triggers.overlay(at("1238000000", "1238000010"))
    with pytest.raises(GwsimError, match="wanted 2 to 4096"):
        triggers.overlay(at("1238000000"), around=5000)
    every = triggers.overlay(at("1238000000", "1238010000", "1238020000"))["segments"]["splits"]
    assert all(len(ranges) == 1 for ranges in every.values())
