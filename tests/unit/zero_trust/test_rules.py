"""Files of rules and agreements: strict, and an error names file and key."""

from __future__ import annotations

from importlib import resources

import pytest

from tests.helpers.desk import GRANTS, POLICY, consent
from tests.helpers.trust import DAY_MS, NOW_MS
from zero_trust.errors import PolicyError
from zero_trust.grants import notices, parse_grants
from zero_trust.rules import parse_policy

CONSENT = consent("h-17", "state")
RULE = """\
version = 1
[[rule]]
id = "one"
role = "staff"
action = "read"
purposes = ["care"]
proofs = ["console"]
classes = ["state"]
conditions = ["caseload"]
"""


def test_what_a_new_site_gets_is_good() -> None:
    """Both files as shipped; nothing is agreed yet."""
    shipped = resources.files("zero_trust").joinpath("grants.toml").read_text(encoding="utf-8")
    agreed = parse_grants(shipped, "grants.toml")
    examples = shipped.replace("# [[", "[[").replace("\n# ", "\n").replace("version = 1", "")

    assert parse_policy(POLICY, "policy.toml").rules
    assert (agreed.homes, agreed.grants, agreed.caseloads, agreed.duties) == ((), (), (), ())
    assert parse_grants("version = 1\n" + examples[examples.index("[[home]]") :], "grants.toml").grants


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version = 1", "version = 0", "`$.version`"),
        ("version = 1", "", "missing required field `version`"),
        ("version = 1", 'version = 1\ncolour = "red"', "unknown field `colour`"),
        ('role = "staff"', 'role = "staff"\ncolour = "red"', "unknown field `colour` - at `$.rule[0]`"),
        ('"staff"', '"hub"', "`$.rule[0].role`"),
        ('["state"]', '["everything"]', "`$.rule[0].classes[0]`"),
        ('["state"]', "[]", "`$.rule[0].classes`"),
        ('["caseload"]', "[]", "rule[0].conditions: staff read needs 'caseload'"),
        ('"read"', '"copy"', "rule[0].action: staff never may copy"),
        ('"read"', '"break-glass"', "rule[0].conditions: staff break-glass needs 'on-duty'"),
        ('"staff"', '"partner"', "rule[0].conditions: partner read needs 'grant'"),
        ('"staff"', '"family"', "rule[0].conditions: family read needs 'consent'"),
        ('version = 1\n[[rule]]\nid = "one"', RULE + '[[rule]]\nid = "two"', "is rule 'one''s"),
        ("version = 1\n", RULE, "rule[1].id: there is another rule 'one'"),
        ("version = 1", "version == 1", "Invalid"),
    ],
)
def test_wrong_rules_are_refused(old: str, new: str, said: str) -> None:
    """The sentence names the file and the key."""
    with pytest.raises(PolicyError) as refused:
        parse_policy(RULE.replace(old, new, 1), "policy.toml")

    assert refused.value.code == "policy-file-wrong"
    assert refused.value.detail.startswith("policy.toml: ")
    assert said in refused.value.detail


@pytest.mark.parametrize("role", ["partner", "family"])
def test_breaking_the_glass_is_for_staff_alone(role: str) -> None:
    """No file can make it otherwise."""
    with pytest.raises(PolicyError, match="never may break-glass"):
        parse_policy(RULE.replace('"staff"', f'"{role}"').replace('"read"', '"break-glass"'), "policy.toml")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("until = 2027-06-30", "until = 2028-01-02", "grant[0].until: 2028-01-02 is more than 12 months"),
        ("until = 2027-06-30", "until = 2026-12-31", "grant[0].until: 2026-12-31 is before 2027-01-01"),
        ("until = 2027-06-30", "", "missing required field `until`"),
        ("dpia =", "dpi =", "unknown field `dpi` - at `$.grant[0]`"),
        ('classes = ["alert"]', 'classes = ["all"]', "nobody agrees to 'all'"),
        ('family = ["state", "climate"]', 'family = ["all"]', "nobody agrees to 'all'"),
        ("review = 2027-11-01", "review = 2026-11-01", "home[0].review: 2026-11-01 is not after 2026-11-01"),
        ("[[staff]]", CONSENT + "[[staff]]", "home[1].home: 'h-17' stands there twice"),
        ("until = 2027-01-15T18:00:00Z", "until = 2027-01-15T05:00:00Z", "duty[0].until"),
        ("from = 2027-01-15T06:00:00Z", "from = 2027-01-15T06:00:00", "`$.duty[0].from`"),
        ('who = "council/amy"', 'who = "amy"', "`$.staff[0].who`"),
    ],
)  # fmt: skip
def test_wrong_agreements_are_refused(old: str, new: str, said: str) -> None:
    """The sentence names the file and the key."""
    with pytest.raises(PolicyError) as refused:
        parse_grants(GRANTS.replace(old, new, 1), "grants.toml")

    assert refused.value.detail.startswith("grants.toml: ")
    assert said in refused.value.detail


@pytest.mark.parametrize(("first", "last", "good"), [
    ("2027-01-01", "2028-01-01", True),
    ("2028-02-29", "2029-03-01", True),
    ("2028-02-29", "2029-03-02", False),
])  # fmt: skip
def test_a_grant_lasts_twelve_months_at_most(first: str, last: str, good: bool) -> None:
    """Counted by the calendar."""
    text = GRANTS.replace("2027-01-01", first).replace("2027-06-30", last)
    if good:
        assert parse_grants(text, "grants.toml").grants
        return
    with pytest.raises(PolicyError):
        parse_grants(text, "grants.toml")


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (0, []),
        (140, ["The grant to nhs-falls for falls-response ends within 30 days, on 2027-06-30."]),
        (160, ["The grant to nhs-falls for falls-response ends within 7 days, on 2027-06-30."]),
        (167, ["The grant to nhs-falls for falls-response ended on 2027-06-30."]),
    ],
)
def test_what_ends_is_said_before(days: int, said: list[str]) -> None:
    """30 days before, 7 days before, and after."""
    assert notices(parse_grants(GRANTS, "grants.toml"), NOW_MS + days * DAY_MS) == said


def test_a_consent_is_to_be_talked_over_again() -> None:
    """Its day of review ends nothing, but is said."""
    said = notices(parse_grants(GRANTS, "grants.toml"), NOW_MS + 300 * DAY_MS)

    assert "What home h-17 agreed to was to be reviewed on 2027-11-01." in said
