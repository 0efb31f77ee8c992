"""How ``lum-hub`` ends."""

from __future__ import annotations

import pytest

from edge_agent import cli
from edge_agent.errors import ConfigError
from zero_trust.errors import KeyStoreError


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (ConfigError("It is wrong.", hint="Mend it."), 78, "It is wrong. Mend it.\n"),
        (
            KeyStoreError("chip-absent", "the TPM", hint="Plug it in."),
            77,
            "Plug it in. [CABS, chip-absent]\n",
        ),
    ],
)
def test_foreseen_trouble_is_one_sentence_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    status: int,
    told: str,
) -> None:
    """Also a chip that fails where no task can wait for it to come back."""

    def ends(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli, "cli", ends)
    with pytest.raises(SystemExit) as ended:
        cli.main()

    complaint = capsys.readouterr().err
    assert ended.value.code == status
    assert complaint.endswith(told)
    assert complaint.count("\n") == 1
