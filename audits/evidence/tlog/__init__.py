"""The transparency log's formats: trees (RFC 6962), signed notes, proofs and witnesses (C2SP). No Django."""
