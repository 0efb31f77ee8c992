"""Homes' parameters: one TOML file each, ``homes/HOME.toml`` in the site's directory; without one, the defaults."""

from __future__ import annotations

from pathlib import Path

from cloud_sync.assurance.plan import Parameters, ParametersError, parameters


def load_parameters(directory: Path, home: str) -> Parameters:
    """The parameters of ``home``.

    Raises:
        ParametersError: its file cannot be read, or a key in it is wrong.
    """
    file = directory / f"{home}.toml"
    try:
        return parameters(file.read_text(encoding="utf-8"), where=str(file))
    except FileNotFoundError:
        return Parameters()
    except (OSError, UnicodeDecodeError) as error:
        raise ParametersError(f"{file} cannot be read: {error}.", hint="Check the file.") from error
