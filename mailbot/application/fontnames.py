"""Fonts whose letters look like what they are: what a file may ask for without bringing it."""

import re

FONT = re.compile(
    r"(?:Aptos|Arial|Book Antiqua|Calibri|Cambria|Carlito|Caladea|Consolas|Courier New|"
    r"DejaVu (?:Sans|Serif|Sans Mono|Math TeX Gyre)|Garamond|Georgia|Helvetica|Lato|"
    r"Liberation (?:Sans|Serif|Mono)|MS Mincho|Noto (?:Sans|Serif)|Open Sans|Roboto|"
    r"Segoe UI|Tahoma|Times New Roman|Trebuchet MS|Verdana)(?: Light| Display| CE)?"
)
