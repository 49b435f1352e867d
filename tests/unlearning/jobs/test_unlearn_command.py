"""`manage.py unlearn`: forgetting without a worker."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from unlearning.jobs import control
from unlearning.jobs.models import Job, JobEvent
from unlearning.jobs.planning import plan_jobs
from unlearning.requests.actions import By
from unlearning.requests.models import Request
from unlearning.requests.opening import erase
from unlearning.requests.states import State
from unlearning.requests.submissions import Submission

pytestmark = pytest.mark.django_db


def _unlearn(*arguments: str) -> str:
    out = StringIO()
    call_command("unlearn", "shop", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def _refusal(*arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        _unlearn(*arguments)
    assert error.value.returncode == 2
    return str(error.value)


def test_waiting_requests_are_carried_out_and_their_reports_written(recommender, settings):
    settings.FEDSHARE_BATCH_WINDOW = 3600
    request, _ = erase(["u3"], Submission("crm", "r-1"))
    told = json.loads(_unlearn("--json"))
    request.refresh_from_db()
    assert request.state == State.COMPLETED
    (one,) = told["requests"]
    assert (one["id"], one["conclusion"]) == (str(request.pk), request.conclusion)
    assert all(Path(report).read_bytes().startswith(b"%PDF") for report in one["reports"])


def test_an_erasure_is_opened_for_the_lines_of_a_file_and_done_exactly_where_asked(recommender, tmp_path):
    file = tmp_path / "leavers"
    file.write_text("u4\n\nu5\n")
    printed = _unlearn("--erase", str(file), "--as", "letter 17", "--exact")
    request = Request.objects.get(external_id="letter 17")
    assert request.subjects.count() == 2
    assert (request.state, request.conclusion) == (State.COMPLETED, "exact")
    assert printed.startswith(f"{request.pk}  exact      by retrain\n")
    assert "u4" not in printed
    event = JobEvent.objects.get()
    assert (event.action, event.by) == (JobEvent.Action.ESCALATE, "command line")
    # The same again is found, and nothing waits any more.
    assert _unlearn("--erase", str(file), "--as", "letter 17") == "No accepted request waits.\n"


def test_an_erasure_behind_a_job_that_is_open_is_carried_out_too(recommender, tmp_path):
    erase(["u3"], Submission("crm", "r-1"))
    plan_jobs()
    file = tmp_path / "leavers"
    file.write_text("u4\n")
    told = json.loads(_unlearn("--erase", str(file), "--as", "letter 21", "--json"))
    assert len(told["requests"]) == 2
    assert set(Request.objects.values_list("state", flat=True)) == {State.COMPLETED}


def test_nothing_to_do_is_said(recommender):
    assert _unlearn() == "No accepted request waits.\n"
    assert json.loads(_unlearn("--json")) == {"requests": []}


def test_an_unknown_subject_is_named_by_its_line_alone(recommender, tmp_path):
    file = tmp_path / "leavers"
    file.write_text("u4\n\nsomebody\n")
    refusal = _refusal("--erase", str(file), "--as", "letter 18")
    assert refusal == "--erase: nobody is known by line 3; nothing was done"
    assert not Request.objects.exists()


def test_an_id_that_stands_for_something_else_is_refused(recommender, tmp_path):
    file = tmp_path / "leavers"
    file.write_text("u4\n")
    _unlearn("--erase", str(file), "--as", "letter 19")
    file.write_text("u5\nu6\n")
    assert "letter 19 stands for another request" in _refusal("--erase", str(file), "--as", "letter 19")


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b""])
def test_a_file_that_names_nobody_is_refused(recommender, tmp_path, content):
    file = tmp_path / "leavers"
    if content is not None:
        file.write_bytes(content)
    assert _refusal("--erase", str(file), "--as", "letter 20").startswith("--erase: ")


def test_a_file_needs_a_file_number(recommender, tmp_path):
    assert "--as" in _refusal("--erase", str(tmp_path / "leavers"))


def test_a_model_that_does_not_serve_is_refused(db):
    assert "no model of 'shop' serves" in _refusal()


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (Job.State.PAUSED, "is paused"),
        (Job.State.NEEDS_ATTENTION, "needs attention: the file is damaged"),
        (Job.State.RUNNING, "is a worker's"),
    ],
)
def test_a_job_that_can_not_be_claimed_says_why(recommender, state, said):
    erase(["u3"], Submission("crm", "r-1"))
    (job,) = plan_jobs()
    if state == Job.State.PAUSED:
        control.pause(job.pk, By("officer"))
    elif state == Job.State.NEEDS_ATTENTION:
        control.ask_for_attention(job, "the file is damaged")
    else:
        from unlearning.jobs.leasing import claim

        assert claim(job.pk)
    assert said in _refusal()


def test_a_job_that_fails_says_so_and_goes_on_the_next_time(recommender, settings, monkeypatch):
    settings.FEDSHARE_BACK_OFF = 0
    erase(["u3"], Submission("crm", "r-1"))

    def full(model, owner):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("unlearning.jobs.runner.store_artifact", full)
        assert "No space left on device" in _refusal()
    assert json.loads(_unlearn("--json"))["requests"][0]["conclusion"]
