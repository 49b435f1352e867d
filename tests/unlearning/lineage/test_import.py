"""`manage.py import_interactions` as its user meets it."""

import pyarrow as pa
import pyarrow.parquet
import pytest
from django.core.management import CommandError, call_command

from audits.evidence.sealing import identity_digest
from unlearning.consent.models import ConsentEvent
from unlearning.jobs.devices import simulated_fleet
from unlearning.lineage.models import Interaction, Item, Subject
from unlearning.lineage.subjects import suppress

pytestmark = pytest.mark.django_db

HEADER = "subject,item,time,ratio"
ROWS = ["ann,apple,1700000000,100", "ann,pear,2023-11-15T10:00:00Z,100", "bob,apple,1700000500.5,100"]


def _import(path, *arguments):
    call_command("import_interactions", str(path), *arguments, stdout=open("/dev/null", "w"))  # noqa: SIM115


def _csv(tmp_path, *rows, header=HEADER):
    path = tmp_path / "interactions.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def _counts():
    return Subject.objects.count(), Item.objects.count(), Interaction.objects.count(), ConsentEvent.objects.count()


def test_csv(tmp_path):
    _import(_csv(tmp_path, *ROWS))
    assert _counts() == (2, 2, 3, 2)


def test_columns_can_be_mapped(tmp_path):
    path = _csv(tmp_path, *ROWS, header="who,what,when,share")
    _import(path, "--map", "subject=who", "--map", "item=what", "--map", "time=when", "--map", "ratio=share")
    assert _counts() == (2, 2, 3, 2)


def test_parquet(tmp_path):
    path = tmp_path / "interactions.parquet"
    times = pa.array([1_700_000_000, 1_700_000_100], pa.timestamp("s"))
    pa.parquet.write_table(pa.table({"subject": [1, 2], "item": [7, 7], "time": times, "ratio": [100, 100]}), path)
    _import(path)
    assert _counts() == (2, 1, 2, 2)


def test_recbole_atomic_file(tmp_path):
    path = tmp_path / "small.inter"
    path.write_text("user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t2\t3\t881250949\n")
    _import(path)
    # Nobody consented, so nothing is stored of it but that the subject is known.
    assert _counts() == (1, 1, 0, 0)


def test_importing_twice_changes_nothing(tmp_path):
    path = _csv(tmp_path, *ROWS)
    _import(path, "--simulate-devices")
    before = _counts(), len(simulated_fleet().data().held_out)
    _import(path, "--simulate-devices")
    assert (_counts(), len(simulated_fleet().data().held_out)) == before


def test_what_consent_does_not_cover_stays_on_the_device(tmp_path):
    rows = [f"ann,item{n},1700000000,50" for n in range(200)]
    _import(_csv(tmp_path, *rows), "--simulate-devices")
    stored = Interaction.objects.count()
    assert 70 < stored < 130
    assert all(rank < 0.5 for rank in Interaction.objects.values_list("rank", flat=True))
    assert len(simulated_fleet().data().held_out) == 200


def test_a_decision_on_record_stands_against_a_file(tmp_path):
    _import(_csv(tmp_path, "ann,apple,1700000000,0"))
    _import(_csv(tmp_path, "ann,apple,1700000000,100"))
    assert Interaction.objects.count() == 0
    assert ConsentEvent.objects.get().share_percent == 0


def test_an_erased_identity_does_not_come_back(tmp_path):
    suppress([identity_digest("ann")])
    _import(_csv(tmp_path, *ROWS))
    assert _counts() == (1, 2, 1, 1)


def test_rows_of_who_is_erased_meanwhile_do_not_slip_in(tmp_path, monkeypatch):
    from tests.unlearning.people import ask_erasure
    from unlearning.lineage.importing import loading

    _import(_csv(tmp_path, *ROWS))
    ensure = loading.ensure_items
    # Between the look-up of the customers and their lock.
    monkeypatch.setattr(loading, "ensure_items", lambda *args: (ask_erasure("ann"), ensure(*args))[1])
    _import(_csv(tmp_path, "ann,plum,1700000000,100", "bob,plum,1700000000,100"))
    assert set(Interaction.objects.values_list("item__external_id", flat=True)) == {"apple", "plum"}
    assert Interaction.objects.count() == 2


BAD = {
    "missing column": (["ann,apple,1700000000,1"], "subject,thing,time,ratio", "no column 'item'"),
    "bad timestamp": ([ROWS[0], "ann,fig,noon,100"], HEADER, "row 2, column 'time': this is no time"),
    "time in milliseconds": (
        ["ann,fig,1700000000000,100"],
        HEADER,
        "row 1, column 'time': the time lies in the future",
    ),
    "time cut short": ([ROWS[0], "ann,fig,1700"], HEADER, "row 2: 3 values in place of 4"),
    "year one": (["ann,fig,0001-01-01,100"], HEADER, "before 1980"),
    "not a number": (["ann,fig,nan,100"], HEADER, "this is no time"),
    "negative ratio": (["ann,fig,1700000000,-5"], HEADER, "row 1, column 'ratio': a share ratio is a whole number"),
    "ratio over 100": (["ann,fig,1700000000,101"], HEADER, "column 'ratio'"),
    "ratio of nothing": (["ann,fig,1700000000,"], HEADER, "this is no share ratio"),
    "no subject": ([" ,fig,1700000000,5"], HEADER, "row 1, column 'subject': the value is empty"),
    "long item": (["ann," + "x" * 201 + ",1700000000,5"], HEADER, "longer than 200"),
    "header alone": ([], HEADER, "has no rows"),
    "column twice": (["ann,fig,fig,1700000000"], "subject,item,item,time", "twice"),
}


@pytest.mark.parametrize(("rows", "header", "message"), BAD.values(), ids=BAD)
def test_a_bad_row_is_named_and_nothing_is_imported(tmp_path, rows, header, message):
    with pytest.raises(CommandError, match=message.replace("(", r"\(")) as refused:
        _import(_csv(tmp_path, *rows, header=header))
    assert refused.value.returncode == 2
    assert str(refused.value).startswith("interactions.csv")
    assert "\n" not in str(refused.value)
    assert _counts() == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"", "empty"),
        ("empty.parquet", b"", "Parquet"),
        ("picture.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "header: this is not text"),
        ("late_nul.csv", f"{HEADER}\nann,fig,1700000000,5\n".encode() * 9000 + b"b\0b,fig,1,5\n", "NUL"),
        (
            "latin1.csv",
            HEADER.encode() + b"\nann\xe9,fig,1700000000,5\n",
            "row 1: this is not text; the file must be UTF-8",
        ),
        ("truncated.parquet", b"PAR1abcdef", "Parquet"),
        ("noise.parquet", bytes(range(256)) * 8, "Parquet"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(CommandError, match=f"(?i){message}") as refused:
        _import(path)
    assert refused.value.returncode == 2
    assert "\n" not in str(refused.value)
    assert _counts() == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"time": pa.array([2**40], pa.timestamp("s"))}, "row 1, column 'time': the time lies in the future"),
        ({"time": pa.array([-(2**40)], pa.timestamp("s", "Mars/Phobos"))}, "before 1980"),
        ({"item": ["a\0b"]}, "row 1, column 'item': the value holds a NUL byte"),
        ({"item": [["a"]]}, "no plain value"),
    ],
)
def test_a_parquet_value_that_is_none_is_named(tmp_path, column, message):
    path = tmp_path / "odd.PARQUET"
    good = {"subject": ["ann"], "item": ["fig"], "time": [1_700_000_000]}
    pa.parquet.write_table(pa.table(good | column), path)
    with pytest.raises(CommandError, match=message) as refused:
        _import(path)
    assert refused.value.returncode == 2


def test_parquet_times_finer_than_a_microsecond_are_read(tmp_path):
    path = tmp_path / "fine.parquet"
    times = pa.array([1_700_000_000_123_456_789], pa.timestamp("ns"))
    pa.parquet.write_table(pa.table({"subject": ["ann"], "item": ["fig"], "time": times, "ratio": [100]}), path)
    _import(path)
    assert Interaction.objects.get().occurred_at.year == 2023


def test_no_refusal_repeats_what_the_file_says_of_people(tmp_path):
    with pytest.raises(CommandError) as refused:
        _import(_csv(tmp_path, ROWS[0], "zoe@example.org,fig"))
    assert "zoe" not in str(refused.value)


@pytest.mark.parametrize("path", ["absent.csv", "."])
def test_a_path_that_is_no_file_is_refused(path):
    with pytest.raises(CommandError, match=r"no such file|folder") as refused:
        _import(path)
    assert refused.value.returncode == 2


@pytest.mark.parametrize("mapping", ["colour=red", "item", "item="])
def test_a_senseless_mapping_is_refused(tmp_path, mapping):
    with pytest.raises(CommandError, match="FIELD=COLUMN"):
        _import(_csv(tmp_path, *ROWS), "--map", mapping)
