"""The cloud's side of a site: broker, intake, authority, watch, portal. Read ``service.py`` first."""
