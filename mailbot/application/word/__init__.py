"""Word (OOXML, ECMA-376): the words of a plain letter, and nothing that may hide or replace them."""
