"""Addresses of the log and of the witness."""

from django.urls import path

from audits.evidence import views

app_name = "audits"
urlpatterns = [
    path("log/checkpoint", views.CheckpointView.as_view(), name="checkpoint"),
    path("log/inclusion", views.InclusionView.as_view(), name="inclusion"),
    path("log/consistency", views.ConsistencyView.as_view(), name="consistency"),
    path("log/keys", views.KeysView.as_view(), name="keys"),
    path("witness/add-checkpoint", views.AddCheckpointView.as_view(), name="add-checkpoint"),
]
