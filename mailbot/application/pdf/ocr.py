"""What an eye reads in the picture of a page: tesseract, with the English data of its package.

Its letters are told without their Polish accents (``alike``), which the English data do as well as the Polish ones.
"""

from __future__ import annotations

import os
import sysconfig
from functools import lru_cache
from pathlib import Path

from PIL import Image

from mailbot.errors import ConfigError

_PATIENCE = 4_000
"""Milliseconds for one page."""


class Engine:
    """Tesseract, ready: it opens no file any more."""

    def __init__(self, folder: Path) -> None:
        os.environ["OMP_THREAD_LIMIT"] = "1"  # before the library is loaded: a locked worker starts no threads
        try:
            import tesserocr

            self._page, self._line = tesserocr.PSM.AUTO, tesserocr.PSM.SINGLE_LINE
            self._api = tesserocr.PyTessBaseAPI(path=f"{folder}{os.sep}", lang="eng", psm=self._page)
        except (ImportError, RuntimeError) as error:
            raise ConfigError(
                f"the reader of pictures (tesserocr with {folder}) does not load: {error}; "
                "mend: install mailbot anew from requirements.lock"
            ) from error

    def read(self, picture: Image.Image, dpi: int) -> str | None:
        """The text in a grey picture; None when it takes too long."""
        self._api.SetImage(picture)
        self._api.SetSourceResolution(dpi)
        if not self._api.Recognize(_PATIENCE):
            return None
        text: str = self._api.GetUTF8Text()
        self._api.Clear()
        return text

    def read_line(self, picture: Image.Image, dpi: int) -> str:
        """The text in a grey picture of one line; empty when it takes too long."""
        self._api.SetPageSegMode(self._line)
        try:
            return self.read(picture, dpi) or ""
        finally:
            self._api.SetPageSegMode(self._page)


@lru_cache(maxsize=1)
def engine() -> Engine:
    """The one of this process. Raises ConfigError where it is not installed."""
    return Engine(Path(sysconfig.get_path("data"), "share", "tessdata"))
