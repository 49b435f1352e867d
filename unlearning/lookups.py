"""What queries over thousands of rows need beside Django's own: values sent as one array, moments read as numbers."""

from typing import Any

from django.db.models import BigIntegerField, Field, Func, Lookup
from django.db.models.fields.related import ForeignObject


@ForeignObject.register_lookup
@Field.register_lookup
class Among(Lookup):
    """`__in`: the column's value is one of plain values, such as ids, digests, names; for a foreign key, row ids.

    A parameter for each would take longer than the query.
    """

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """See `Lookup.as_sql`."""
        column, params = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s)", [*params, list(self.rhs)]


class Microseconds(Func):
    """A moment as microseconds since 1970: nothing of it has to be parsed."""

    template = "(EXTRACT(EPOCH FROM %(expressions)s) * 1000000)::bigint"
    output_field = BigIntegerField()
