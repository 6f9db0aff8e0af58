"""Generated documents equal what the code says."""

from django.conf import settings

from config.kernel.management.commands import errors_doc


def test_the_error_page_is_current():
    assert (settings.BASE_DIR / "docs" / "errors.md").read_text() == errors_doc.text(), "run: manage.py errors_doc"


def test_requirements_carry_a_reason_each():
    for line in (settings.BASE_DIR / "requirements.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            assert "==" in line and "#" in line, line
