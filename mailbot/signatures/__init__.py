"""Verifying what citizens sign: qualified signatures and podpis zaufany, in every format seen in Poland.

bytes → ``detect`` → one module for each format (``pades``, ``cades``, ``xades``, ``asic``, ``wrappers``) → ``Evidence``
→ ``policy`` with the ``trust`` snapshot → ``SignatureReport``. Untrusted bytes are parsed in a worker process only.
"""
