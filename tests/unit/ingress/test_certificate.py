"""What `mailbot doctor` says of the days of a certificate. Taking a new one: tests/integration/test_smtp_wire.py."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mailbot.errors import ConfigError
from mailbot.ingress.certificate import Certificate
from mailbot.observe import utc_now
from tests.certificates import make


@pytest.mark.parametrize(("days", "good"), [(-2, False), (0, True), (1, True), (3, False)])
def test_the_days_of_a_certificate(tmp_path: Path, days: int, good: bool) -> None:
    files = make(tmp_path)
    certificate = Certificate(str(files.certificate), str(files.key))
    now = utc_now() + timedelta(days=days)
    if good:
        certificate.refuse_ended(now)
    else:
        with pytest.raises(ConfigError, match="mend:"):
            certificate.refuse_ended(now)
