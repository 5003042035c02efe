"""Fonts whose letters look like what they are: what a file may ask for without bringing it."""

import re

FONT = re.compile(
    r"(?:Aptos|Arial|Book Antiqua|Calibri|Cambria|Carlito|Caladea|Consolas|Courier New|DejaVu (?:Sans|Serif|Sans Mono|"
    r"Math TeX Gyre)|Garamond|Georgia|Helvetica|Lato|Liberation (?:Sans|Serif|Mono)|MS Mincho|Noto (?:Sans|Serif)|Open Sans|Roboto|"
    r"Segoe UI|Tahoma|Times New Roman|Trebuchet MS|Verdana)(?: Light| Display| CE)?"
)
