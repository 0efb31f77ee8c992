"""The assurance model over recorded and generated homes, in virtual time: ``lum-hil assure``."""
