"""A restore from a backup brings customers back; the journal takes them away again."""

import json
import os
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from audits.evidence.models import LogEntry
from tests.unlearning.people import ask_erasure, make_subject
from unlearning.lineage.models import Interaction, Subject, Suppression
from unlearning.lineage.subjects import register_subject, shred
from unlearning.requests import actions, opening
from unlearning.requests.actions import By
from unlearning.requests.models import Request
from unlearning.requests.replaying import replay
from unlearning.requests.submissions import Submission

pytestmark = pytest.mark.django_db


def _journal(settings):
    return settings.FEDSHARE_JOURNAL / "erasures.jsonl"


def _lose(identity, external_id="e-1"):
    """Erase, and restore the database to what it was before."""
    with transaction.atomic():
        ask_erasure(identity, external_id=external_id)
        transaction.set_rollback(True)


def test_an_erasure_that_a_restore_undid_is_repeated(settings):
    for name in ("ann", "bob"):
        make_subject(name, 100)
    _lose("ann")
    assert (Interaction.objects.count(), Request.objects.count(), Suppression.objects.count()) == (80, 0, 0)
    done = replay()
    assert (done.lines, done.opened, done.suppressed) == (1, 1, 1)
    assert Interaction.objects.count() == 40
    request = Request.objects.get()
    assert (request.manner, request.state) == ("replay", "accepted")
    assert LogEntry.objects.filter(kind="request.replayed").count() == 1
    again = replay()
    assert (again.opened, again.accepted, again.suppressed) == (0, 0, 0)
    assert len(_journal(settings).read_text().splitlines()) == 1


def test_a_request_that_the_backup_has_from_before_its_acceptance_is_accepted_again():
    make_subject("ann", 100)
    request = ask_erasure("ann", identity_verified=False)
    _lose("ann", "verified")
    assert replay().accepted == 1
    assert Request.objects.get().pk == request.pk
    assert not Interaction.objects.exists()


@pytest.mark.parametrize("restored", [False, True])
def test_who_came_back_since_an_erasure_that_is_there_is_left_in_peace(restored):
    make_subject("ann", 100)
    if restored:
        _lose("ann")
        replay()
    else:
        ask_erasure("ann")
    shred(Subject.objects.get())
    register_subject("ann", returning=True)
    done = replay()
    assert (done.lines, done.opened, done.accepted, done.suppressed) == (1, 0, 0, 0)
    assert not Suppression.objects.exists()
    assert Subject.objects.filter(erased_at=None).count() == 1


def test_the_journal_names_nobody(settings):
    ann = make_subject("ann@example.org", 100)
    ask_erasure("ann@example.org")
    text = _journal(settings).read_text()
    for secret in ("ann", bytes(ann.identity_digest).hex(), str(ann.pk), str(ann.learning_key)):
        assert secret not in json.dumps({name: v for name, v in json.loads(text).items() if name != "request"})


def test_a_damaged_line_is_named_and_nothing_is_done(settings):
    make_subject("ann", 100)
    _lose("ann")
    path = _journal(settings)
    path.write_text("{\n" + path.read_text())
    with pytest.raises(CommandError, match="line 1: this is no erasure") as refused:
        call_command("replay_erasures")
    assert refused.value.returncode == 2
    assert Interaction.objects.count() == 40


def test_a_last_line_that_was_cut_off_never_committed(settings):
    make_subject("ann", 100)
    _lose("ann")
    path = _journal(settings)
    path.write_text(path.read_text() + '{"request": "7e3f')
    out = StringIO()
    call_command("replay_erasures", stdout=out)
    assert out.getvalue().startswith("1 erasures in the journal: 1 opened again")


def test_a_line_that_was_cut_off_takes_no_other_with_it(settings):
    for name in ("ann", "bob", "cid"):
        make_subject(name, 100)
    _lose("ann")
    path = _journal(settings)
    with path.open("a") as file:  # a process that was killed as it wrote
        file.write(path.read_text()[:60])
    _lose("bob", "e-2")
    _lose("cid", "e-3")
    assert replay().opened == 3


def test_an_erasure_that_the_journal_has_no_room_for_is_not_accepted(settings, monkeypatch):
    make_subject("ann", 100)
    write = os.write
    monkeypatch.setattr("unlearning.requests.journal.os.write", lambda fd, content: write(fd, content[:20]))
    with pytest.raises(OSError, match="could not be written to its end"), transaction.atomic():
        ask_erasure("ann")
    monkeypatch.undo()
    assert Interaction.objects.count() == 40
    ask_erasure("ann", external_id="e-2")
    assert replay().lines == 1


def test_a_request_that_the_backup_has_as_held_is_accepted_again():
    make_subject("ann", 100)
    request = actions.hold(ask_erasure("ann", identity_verified=False), By("officer", "as agreed"))
    with transaction.atomic():
        actions.verify_identity(actions.release(request, By("officer", "agreed")), By("officer", "seen"))
        transaction.set_rollback(True)
    assert replay().accepted == 1
    request.refresh_from_db()
    assert (request.state, request.held_from, request.identity_asked_at) == ("accepted", None, None)


def test_a_repeated_erasure_keeps_the_day_on_which_it_was_asked():
    make_subject("ann", 100)
    asked = timezone.now() - timedelta(days=20)
    with transaction.atomic():
        opening.erase(["ann"], Submission("crm", "e-1", received_at=asked))
        transaction.set_rollback(True)
    replay()
    request = Request.objects.get()
    assert request.received_at == asked
    assert request.due_at < timezone.now() + timedelta(days=15)
