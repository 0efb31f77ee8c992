"""Who may say what: names, keys, certificates, vouchers, envelopes, decisions.

Pure but for the key store, TLS contexts and the command line. Read first: ``enrolment.py``.
"""
