import pytest

from unlearning.lineage.models import Interaction, Item

pytestmark = pytest.mark.django_db


def test_among_finds_what_in_finds(items):
    chosen = [item.external_id for item in items[::2]]
    by_name = Item.objects.filter(external_id__among=chosen)
    assert set(by_name) == set(items[::2])
    assert set(Item.objects.filter(external_id__in=chosen)) == set(by_name)


def test_among_nothing_is_nothing(items):
    assert not Item.objects.filter(pk__among=[]).exists()


def test_more_values_than_a_query_may_have_parameters(items):
    assert Item.objects.filter(pk__among=[*range(-70_000, 0), items[0].pk]).get() == items[0]


def test_a_foreign_key_is_asked_by_row_id(items):
    sql = str(Interaction.objects.filter(item__among=[items[0].pk]).query)
    assert '"item_id" = ANY(' in sql
    assert "JOIN" not in sql
    assert not Interaction.objects.filter(item__among=[items[0].pk]).exists()


@pytest.fixture
def items() -> list[Item]:
    return Item.objects.bulk_create(Item(external_id=f"sku-{n}", learning_key=n) for n in range(6))
