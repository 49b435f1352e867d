"""Reading interaction files: CSV, Parquet, RecBole atomic files. All of a file, or a clear refusal."""

import io
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

FIELDS = ("subject", "item", "time", "ratio", "category")
REQUIRED = ("subject", "item", "time")
_RECBOLE_COLUMNS = {"subject": "user_id", "item": "item_id", "time": "timestamp"}
_RECBOLE_SUFFIXES = (".inter",)
_EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)
_MAX_LENGTH = 200
_MAX_CATEGORY = 100
_NAMES_SHOWN = 12
_HOW_TO_WRITE_TIMES = "give seconds since 1970, or ISO 8601"


class UnreadableFile(ValueError):
    """A file that can't be imported; the message is one line and names file, row and column."""


@dataclass(frozen=True)
class InteractionTable:
    """The columns of a file, all of one length; rows are counted from 1, without the header."""

    subjects: list[str]
    items: list[str]
    times: list[datetime]
    ratios: list[int] | None
    """Share ratio in percent, where the file has such a column."""
    categories: list[str | None] | None = None
    """Categories of the items, where the file has such a column."""

    def item_categories(self) -> dict[str, str]:
        """The category of each item; the last row that names one counts."""
        pairs = zip(self.items, self.categories or [None] * len(self), strict=True)
        return {item: category for item, category in pairs if category is not None}

    def __len__(self) -> int:
        return len(self.subjects)


def read_interactions(path: Path, mapping: dict[str, str]) -> InteractionTable:
    """Read and check a whole file.

    Args:
        mapping: column of each field (`subject`, `item`, `time`, `ratio`); what is left out is
            looked for under the field's own name, and in RecBole files under RecBole's.

    Raises:
        UnreadableFile: nothing of it can be used.
    """
    table = _columns(path)
    recbole = path.suffix.lower() in _RECBOLE_SUFFIXES
    names = dict(mapping)
    for field in FIELDS:
        usual = _RECBOLE_COLUMNS.get(field, field) if recbole else field
        if field not in names and (field in REQUIRED or usual in table):
            names[field] = usual
    for field, column in names.items():
        if column not in table:
            raise UnreadableFile(
                f"{path.name}: no column {column!r} for {field}; it has {_listed(table)}. "
                f"Name the right one with --map {field}=COLUMN"
            )
    if not table[names["subject"]]:
        raise UnreadableFile(f"{path.name}: the file has no rows")
    latest = datetime.now(UTC) + timedelta(days=1)

    def read(field: str, convert: Callable[[str], object]) -> list:
        column = names[field]
        values = []
        for row, text in enumerate(table[column], start=1):
            try:
                values.append(convert(text))
            except ValueError as error:
                raise UnreadableFile(f"{path.name}, row {row}, column {column!r}: {error}") from None
        return values

    return InteractionTable(
        subjects=read("subject", _name),
        items=read("item", _name),
        times=read("time", lambda text: _time(text, latest)),
        ratios=read("ratio", _ratio) if "ratio" in names else None,
        categories=read("category", _category) if "category" in names else None,
    )


def _columns(path: Path) -> dict[str, list[str | None]]:
    """Every column as text, by name; RecBole's type suffixes are cut off."""
    try:
        if path.is_dir():
            raise UnreadableFile(f"{path}: this is a folder, not a file")
        table = pa.parquet.read_table(path) if path.suffix.lower() == ".parquet" else _read_text(path)
    except FileNotFoundError:
        raise UnreadableFile(f"{path}: there is no such file") from None
    except OSError as error:
        # Arrow's own words may quote the file, and so a person.
        reason = error.strerror or "it is damaged or cut off; write it anew"
        raise UnreadableFile(f"{path.name}: the file can't be read: {reason}") from None
    except pa.ArrowException:
        raise UnreadableFile(f"{path.name}: this is no Parquet file, or a damaged one; write it anew") from None
    columns: dict[str, list[str | None]] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        short = name.partition(":")[0] if path.suffix.lower() in _RECBOLE_SUFFIXES else name
        if short in columns:
            raise UnreadableFile(f"{path.name}: the column {short!r} stands twice in the header")
        columns[short] = _as_text(path, short, column)
    return columns


def _read_text(path: Path) -> pa.Table:
    content = path.read_bytes()
    if not content:
        raise UnreadableFile(f"{path.name}: the file is empty")
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start)
        raise UnreadableFile(f"{path.name}, {_line(row)}: this is not text; the file must be UTF-8") from None
    if b"\0" in content:
        row = content.count(b"\n", 0, content.index(b"\0"))
        raise UnreadableFile(f"{path.name}, {_line(row)}: this is not text; it holds a NUL byte")
    delimiter = "\t" if path.suffix.lower() in (".tsv", *_RECBOLE_SUFFIXES) else ","
    header = content.partition(b"\n")[0].decode("utf-8-sig").strip()
    names = [name.strip('"') for name in header.split(delimiter)]
    uneven: list[pa.csv.InvalidRow] = []

    def note(row: pa.csv.InvalidRow) -> str:
        uneven.append(row)
        return "skip"

    try:
        table = pa.csv.read_csv(
            io.BytesIO(content if content.endswith(b"\n") else content + b"\n"),
            # In one block and one thread, so that rows have numbers.
            read_options=pa.csv.ReadOptions(use_threads=False, block_size=len(content) + 1),
            parse_options=pa.csv.ParseOptions(delimiter=delimiter, invalid_row_handler=note),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowException:
        raise UnreadableFile(f"{path.name}: this is not a table; give a header and rows of as many values") from None
    if uneven:
        first = uneven[0]
        raise UnreadableFile(
            f"{path.name}, {_line(first.number - 1)}: {first.actual_columns} values in place of "
            f"{first.expected_columns}; a value that holds a {'tab' if delimiter != ',' else 'comma'} needs quotes"
        )
    return table


def _line(row: int) -> str:
    """How a row is named; 0 is the header."""
    return f"row {row}" if row else "header"


def _listed(names: Collection[str]) -> str:
    """Some names for a message, without what a terminal would obey."""
    shown = [repr(name[:40]) for name in list(names)[:_NAMES_SHOWN]]
    return ", ".join(shown) + (f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else "")


def _as_text(path: Path, name: str, column: pa.ChunkedArray) -> list[str | None]:
    try:
        if pa.types.is_timestamp(column.type):
            # As seconds: the calendar of Python's datetime is smaller than Arrow's, which is checked later.
            unit = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[column.type.unit]
            return [None if ticks is None else str(ticks / unit) for ticks in column.cast(pa.int64()).to_pylist()]
        return column.cast(pa.string()).to_pylist()
    except (pa.ArrowException, UnicodeDecodeError):
        raise UnreadableFile(
            f"{path.name}: column {name!r} is of type {column.type}, which is no plain value"
        ) from None


def _name(text: str | None) -> str:
    value = (text or "").strip()
    if not value:
        raise ValueError("the value is empty")
    if "\0" in value:
        raise ValueError("the value holds a NUL byte")
    if len(value) > _MAX_LENGTH:
        raise ValueError(f"the value is longer than {_MAX_LENGTH} characters")
    return value


def _category(text: str | None) -> str:
    value = (text or "").strip()
    if "\0" in value:
        raise ValueError("the value holds a NUL byte")
    if len(value) > _MAX_CATEGORY:
        raise ValueError(f"the value is longer than {_MAX_CATEGORY} characters")
    return value


def _time(text: str | None, latest: datetime) -> datetime:
    value = (text or "").strip()
    try:
        seconds = float(value)
    except ValueError:
        seconds = _iso_seconds(value)
    if not math.isfinite(seconds):
        raise ValueError(f"this is no time; {_HOW_TO_WRITE_TIMES}")
    if seconds < _EARLIEST.timestamp():
        raise ValueError(f"the time lies before 1980; {_HOW_TO_WRITE_TIMES}")
    if seconds > latest.timestamp():
        raise ValueError(f"the time lies in the future (are these milliseconds?); {_HOW_TO_WRITE_TIMES}")
    return datetime.fromtimestamp(seconds, UTC)


def _iso_seconds(value: str) -> float:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"this is no time; {_HOW_TO_WRITE_TIMES}") from None
    return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).timestamp()


def _ratio(text: str | None) -> int:
    value = (text or "").strip()
    try:
        ratio = float(value)
    except ValueError:
        raise ValueError("this is no share ratio; give a whole number from 0 to 100") from None
    if not (0 <= ratio <= 100 and ratio == int(ratio)):
        raise ValueError("a share ratio is a whole number from 0 to 100 (percent)")
    return int(ratio)
