"""How forms are written: label, what it means, what is wrong, then the field."""

from django.forms.renderers import TemplatesSetting


class Renderer(TemplatesSetting):
    """The project's own template for forms; see `FORM_RENDERER`."""

    form_template_name = "dashboard/_form.html"
