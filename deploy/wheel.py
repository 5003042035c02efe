"""What the wheel holds beside the package: the rule set and the mails of the demo, from the top of the checkout."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools.command.build_py import build_py

_TOP = Path(__file__).resolve().parents[1]
_FOLDERS = ("rules", "fixtures")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc")


class BuildWithRules(build_py):
    """Copies the folders into ``mailbot/shipped``, where ``mailbot.config.shipped`` looks for them. An editable
    installation has its checkout and needs no copy."""

    def run(self) -> None:
        """See setuptools.Command."""
        super().run()
        if not self.editable_mode:
            for name in _FOLDERS:
                target = Path(self.build_lib) / "mailbot" / "shipped" / name
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(_TOP / name, target, ignore=_LEFT_OUT)

    def get_source_files(self) -> list[str]:
        """See setuptools.Command: the source archive must hold what a wheel is made of."""
        here = [path for name in _FOLDERS for path in (_TOP / name).rglob("*") if path.is_file()]
        kept = [str(path.relative_to(_TOP)) for path in here if "__pycache__" not in path.parts]
        return [*super().get_source_files(), str(Path(__file__).relative_to(_TOP)), *kept]
