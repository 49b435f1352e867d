"""How forms are written: label, what it means, what is wrong, then the field."""

from django import forms
from django.forms.renderers import TemplatesSetting


class Renderer(TemplatesSetting):
    """The project's own template for forms; see `FORM_RENDERER`."""

    form_template_name = "dashboard/_form.html"


class DayInput(forms.DateInput):
    """The browser's own choice of a day, which is told the day as ISO 8601 in every language."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")
