"""Lineage as OpenLineage events (specification 2-0-2): one COMPLETE run for each version that was made.

https://openlineage.io/spec/2-0-2/OpenLineage.json
"""

from collections.abc import Iterator
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from models_engine.registry.models import ModelVersion
from unlearning.lineage.tracing import versions

_SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json"
_FACETS = "https://openlineage.io/spec/facets"
_PRODUCER = "https://github.com/fedshare/fedshare"
_SCHEMA_FACET = f"{_PRODUCER}/blob/main/docs/engineers.md"


def events(namespace: str) -> Iterator[dict[str, Any]]:
    """Every version's run, the latest first.

    Args:
        namespace: of jobs and datasets: the log's origin, which is unique and lasting.
    """
    for version in versions():
        yield event(version, namespace)


def event(version: ModelVersion, namespace: str) -> dict[str, Any]:
    """The run that made a version: from a frozen dataset, and a parent, to a model."""
    dataset = version.dataset
    inputs = [_frozen(version, namespace)]
    if version.parent is not None:
        inputs.append({"namespace": namespace, "name": _model(version.parent)})
    return {
        "eventType": "COMPLETE",
        "eventTime": version.created_at.isoformat(),
        "producer": _PRODUCER,
        "schemaURL": f"{_SPEC}#/$defs/RunEvent",
        "run": {
            "runId": str(uuid5(NAMESPACE_URL, f"{namespace}/{_model(version)}")),
            "facets": {
                "nominalTime": _facet(
                    "1-0-1/NominalTimeRunFacet.json#/$defs/NominalTimeRunFacet",
                    nominalStartTime=dataset.as_of.isoformat(),
                    nominalEndTime=version.created_at.isoformat(),
                ),
                "fedshare_training": _own(
                    method=version.method, seed=version.seed, code=version.code_digest, pairs=dataset.pairs,
                    subjects=dataset.subjects,
                ),
            },
        },
        "job": {
            "namespace": namespace,
            "name": f"{version.recommender.name}.{version.method}",
            "facets": {
                "jobType": _facet(
                    "2-0-3/JobTypeJobFacet.json#/$defs/JobTypeJobFacet",
                    processingType="BATCH",
                    integration="FEDSHARE",
                    jobType="TRAINING",
                )
            },
        },
        "inputs": inputs,
        "outputs": [_output(version, namespace)],
    }  # fmt: skip


def _frozen(version: ModelVersion, namespace: str) -> dict[str, Any]:
    dataset = version.dataset
    return {
        "namespace": namespace,
        "name": "interactions",
        "facets": {
            "version": _facet(
                "1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet",
                datasetVersion=dataset.root,
            ),
            "fedshare_frozen": _own(asOf=dataset.as_of.isoformat()),
        },
    }


def _output(version: ModelVersion, namespace: str) -> dict[str, Any]:
    facets = {
        "version": _facet(
            "1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet", datasetVersion=version.digest
        )
    }
    if version.destroyed_at is not None:
        facets["lifecycleStateChange"] = _facet(
            "1-0-1/LifecycleStateChangeDatasetFacet.json#/$defs/LifecycleStateChangeDatasetFacet",
            lifecycleStateChange="DROP",
        )
    return {"namespace": namespace, "name": _model(version), "facets": facets}


def _model(version: ModelVersion) -> str:
    return f"{version.recommender.name}/versions/{version.number}"


def _facet(schema: str, **content: Any) -> dict[str, Any]:
    return {"_producer": _PRODUCER, "_schemaURL": f"{_FACETS}/{schema}", **content}


def _own(**content: Any) -> dict[str, Any]:
    return {"_producer": _PRODUCER, "_schemaURL": _SCHEMA_FACET, **content}
