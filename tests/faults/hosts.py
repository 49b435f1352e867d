"""`python -m tests.faults.hosts`: two workers on hosts of their own, of which one is lost; the other finishes.

The hosts have a folder each, and share nothing but PostgreSQL, the broker and a bucket. The lost one never comes
back. What it had trained is read from the bucket by the other.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.brokers import BROKERS, available
from tests.faults.house import LEASE, WORKERS, House, environment
from tests.s3 import BUCKET, CREDENTIALS, client, s3_server

_SUBJECTS, _STAYING = 2, 150
_SECONDS = 120


def main() -> None:
    """Run it over every broker that goes over the network; exit code 1 if anything did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("broker", nargs="?", choices=["redis", "rabbitmq"], help="one alone; default: each in turn")
    alone = parser.parse_args().broker
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was built is taken down again
    names = [name for name in available() if name != "folder"]
    if not names:
        print("neither RabbitMQ nor Redis is installed: skipped")
        return
    if alone:
        sys.exit(_lose_one(alone))
    sys.exit(max(os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-m", "tests.faults.hosts", n]) for n in names))


def _lose_one(broker_name: str) -> int:
    with tempfile.TemporaryDirectory(prefix="fedshare-hosts-") as made, s3_server() as bucket:
        folder = Path(made)
        folder.chmod(0o755)
        broker = BROKERS[broker_name](folder / broker_name)
        shared = {"FEDSHARE_S3_BUCKET": BUCKET, "FEDSHARE_S3_ENDPOINT": bucket["endpoint_url"], **CREDENTIALS}
        os.environ |= environment(folder, broker) | shared
        import django

        django.setup()
        from django.conf import settings

        # The pools of the workers have one process each, so that a host has one job at most.
        own = {name: {"FEDSHARE_VAR": str(folder / name), "DATABASE_URL": settings.DATABASE_URL} for name in WORKERS}
        for name in WORKERS:
            own[name]["FEDSHARE_KEYS"] = str(folder / name / "keys")
        try:
            broker.start()
            return _scene(House(folder, broker, own), bucket)
        finally:
            broker.stop()


def _scene(house: House, bucket: dict[str, str]) -> int:
    from django.conf import settings

    from audits.evidence.keys import log_verifier_keys
    from audits.reports.verify import Trust, verify_report
    from audits.reports.verify.checks import is_sound
    from benchmarks.report import show
    from tests.faults import checks, world
    from tests.faults.faults import wait_for
    from unlearning.jobs.models import Job
    from unlearning.lineage.subjects import find_subjects
    from unlearning.requests.models import Request

    names = world.settle(_SUBJECTS + _STAYING)
    for name in WORKERS:
        shutil.copytree(settings.KEYS, house.folder / name / "keys")
    asking = names[:_SUBJECTS]
    keys = [subject.learning_key for subject in find_subjects(asking)]
    with house.running():
        request = house.post(asking, "two-hosts")
        job = wait_for(lambda: Job.objects.filter(requests=request, attempt=1).first(), _SECONDS)
        work = f"work/audit-models/{job.pk}/"
        wait_for(lambda: _written(bucket, work), _SECONDS)
        lost = house.lose_busy()
        lost_at = time.monotonic()
        before = _written(bucket, work)
        wait_for(lambda: Job.objects.filter(pk=job.pk, attempt__gt=job.attempt).exists(), _SECONDS)
        taken_up = time.monotonic() - lost_at
        wait_for(lambda: len(_written(bucket, work)) > len(before), _SECONDS)
        kept = {name: at for name, at in _written(bucket, work).items() if name in before}
        wait_for(lambda: Request.objects.filter(pk=request, completed_at__isnull=False).exists(), _SECONDS)
        ended = time.monotonic() - lost_at
        address = wait_for(lambda: house.crm().follow(request)["evidence"], _SECONDS)
        pdf = house.crm().download(address)  # from the web server, which is a third host
        trust = Trust(log_verifier_keys())
        wrong = checks.unsound()
        if not is_sound(verify_report(pdf, trust), trust):
            wrong.append("the report does not verify")
        if not before or kept != before:
            wrong.append("what the lost host had trained was trained again")
        for host in (*WORKERS, "var"):
            wrong += [f"{host}: {place}" for place in checks.left_of(asking, keys, house.folder / host)]
        wrong += _left_in(bucket, asking, keys)
    rows = [
        {
            "broker": house.broker.name,
            "lost": lost,
            "models read from the bucket": sum(name.endswith(".json") for name in kept),
            "taken up after, s": f"{taken_up:.1f} (at most {2 * LEASE:.0f})",
            "ended after, s": f"{ended:.1f}",
            "wrong": len(wrong),
        }
    ]
    show("A host is lost", rows, list(rows[0]))
    for one in wrong:
        print(one)
    return 1 if wrong or taken_up > 2 * LEASE else 0


def _written(bucket: dict[str, str], prefix: str) -> dict[str, str]:
    """Objects under a prefix, and when each was written."""
    found = client(bucket["endpoint_url"]).list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    return {one["Key"]: str(one["LastModified"]) for one in found if "/training-" not in one["Key"]}


def _left_in(bucket: dict[str, str], names: list[str], keys: list[int]) -> list[str]:
    """Objects in which something of erased subjects still lies, or that belong to a job that has ended."""
    s3 = client(bucket["endpoint_url"])
    needles = [name.encode() for name in names]
    needles += [form for key in keys for form in (str(key).encode(), key.to_bytes(8, "little", signed=True))]
    left = []
    for one in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        content = s3.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read()
        if any(needle in content for needle in needles) or one["Key"].startswith("work/audit-models/"):
            left.append(f"bucket: {one['Key']}")
    return left


if __name__ == "__main__":
    main()
