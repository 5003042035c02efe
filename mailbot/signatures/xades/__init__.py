"""Signatures in XML (XMLDSig, XAdES): what they cover, and whether they hold."""
