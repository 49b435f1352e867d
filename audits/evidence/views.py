"""The log over HTTP, for anyone: checkpoints, proofs and keys; and this instance as a witness to other logs.

Nothing here tells what an entry says: proofs are hashes.
"""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audits.evidence import log, rotation, witnessing
from audits.evidence.keys import log_verifier_keys
from audits.evidence.models import LogCheckpoint
from audits.evidence.tlog import merkle
from audits.evidence.tlog.checkpoint import encoded, offline_proof
from audits.evidence.tlog.note import ProofError
from audits.evidence.tlog.witness import Fork, Stale, UnknownLog, parse_request

_TEXT = "text/plain; charset=utf-8"
_MOST_BYTES = 64 * 1024


class PlainText(BaseRenderer):
    """What the C2SP formats are served as; problems stay JSON."""

    media_type = "text/plain"
    format = "txt"
    charset = "utf-8"

    def render(self, data: Any, *args: Any, **kwargs: Any) -> bytes:
        """A text as it is, a problem as JSON."""
        return data.encode() if isinstance(data, str) else JSONRenderer().render(data)


class Text(BaseParser):
    """A body of plain text."""

    media_type = "text/plain"

    def parse(self, stream: Any, *args: Any, **kwargs: Any) -> str:
        """The text; what is longer than any proof, or not UTF-8, is refused."""
        content = stream.read(_MOST_BYTES + 1)
        try:
            text = content.decode()
        except UnicodeDecodeError:
            raise serializers.ValidationError("The body is not UTF-8: send a C2SP add-checkpoint request.") from None
        if len(content) > _MOST_BYTES:
            raise serializers.ValidationError("The body is longer than any proof: send a checkpoint and its proof.")
        return text


class PublicView(APIView):
    """A view that asks for no credentials."""

    authentication_classes = ()
    permission_classes = ()
    renderer_classes = (PlainText, JSONRenderer)


class CheckpointView(PublicView):
    """The latest checkpoint."""

    @extend_schema(operation_id="log_checkpoint", auth=[], responses={(200, "text/plain"): OpenApiTypes.STR})
    def get(self, http: Request) -> Response:
        """A signed note (C2SP tlog-checkpoint), with the witnesses' cosignatures."""
        point = LogCheckpoint.objects.first() or log.checkpoint()
        return Response(point.note, content_type=_TEXT)


class _InclusionQuery(serializers.Serializer):
    index = serializers.IntegerField(min_value=0)


class InclusionView(PublicView):
    """That an entry is in the log."""

    @extend_schema(
        operation_id="log_inclusion",
        auth=[],
        parameters=[OpenApiParameter("index", int, required=True, description="Place of the entry, from 0")],
        responses={(200, "text/plain"): OpenApiTypes.STR},
    )
    def get(self, http: Request) -> Response:
        """A proof (C2SP tlog-proof) that leads to the latest checkpoint."""
        index = _checked(_InclusionQuery, http)["index"]
        point = LogCheckpoint.objects.first() or log.checkpoint()
        if index >= point.size:
            raise serializers.ValidationError({"index": f"The latest checkpoint has {point.size} entries: give less."})
        proof = merkle.inclusion_proof(index, point.size, log.stored_nodes)
        return Response(offline_proof(index, proof, point.note), content_type=_TEXT)


class _ConsistencyQuery(serializers.Serializer):
    old = serializers.IntegerField(min_value=0)
    new = serializers.IntegerField(min_value=0)


class ConsistencyView(PublicView):
    """That the log only grew."""

    @extend_schema(
        operation_id="log_consistency",
        auth=[],
        parameters=[
            OpenApiParameter("old", int, required=True, description="Size of the earlier log"),
            OpenApiParameter("new", int, required=True, description="Size of the later log"),
        ],
        responses={(200, "text/plain"): OpenApiTypes.STR},
    )
    def get(self, http: Request) -> Response:
        """The proof's hashes in base64, one on each line (RFC 6962 § 2.1.2)."""
        asked = _checked(_ConsistencyQuery, http)
        try:
            proof = log.consistency(asked["old"], asked["new"])
        except ValueError as error:
            raise serializers.ValidationError({"new": f"{error}."}) from None
        return Response("".join(f"{encoded(node)}\n" for node in proof), content_type=_TEXT)


class KeysView(PublicView):
    """The log's keys."""

    renderer_classes = (JSONRenderer,)

    @extend_schema(operation_id="log_keys", auth=[], responses={200: OpenApiTypes.OBJECT})
    def get(self, http: Request) -> Response:
        """All keys, the present one first, and the proof of each change; `--handovers` of the verifier takes it."""
        return Response(
            {
                "keys": [str(key) for key in log_verifier_keys()],
                "handovers": [{"entry": one.entry, "proof": one.proof} for one in rotation.handovers()],
            }
        )


class AddCheckpointView(PublicView):
    """This instance as a witness (C2SP tlog-witness)."""

    parser_classes = (Text,)

    @extend_schema(exclude=True)
    def post(self, http: Request) -> HttpResponse:
        """Cosign a checkpoint that continues the last one of its log."""
        if not settings.FEDSHARE_WITNESSED_LOGS:
            raise Http404
        try:
            old, proof, note = parse_request(http.data)
        except ProofError as error:
            return _plain(str(error), 400)
        try:
            line = witnessing.own_witness().add_checkpoint(old, proof, note)
        except UnknownLog as error:
            return _plain(str(error), 404)
        except ProofError as error:
            return _plain(str(error), 403)
        except Stale as stale:
            return HttpResponse(f"{stale.size}\n", status=409, content_type="text/x.tlog.size")
        except Fork as error:
            return _plain(str(error), 422)
        return _plain(line, 200)


def _plain(text: str, status: int) -> HttpResponse:
    return HttpResponse(text, status=status, content_type=_TEXT)


def _checked(serializer: type[serializers.Serializer], http: Request) -> dict[str, Any]:
    query = serializer(data=http.query_params)
    query.is_valid(raise_exception=True)
    return query.validated_data
