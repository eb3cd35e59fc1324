"""What is said of a credential that came in a presentation: who presented it, and what that does not show."""

from shared.credentials.checks import passed, warned
from shared.credentials.presentations import Shown
from shared.credentials.report import Check
from shared.credentials.shape import id_of, items

_OCCASION = "When it was presented, and to whom, was not compared with anything: anybody may have passed it on since."


def presentation_check(shown: Shown, subject: object) -> Check:
    """Return the check of a presentation that held one credential about `subject`.

    A signature that does not hold speaks against what was handed over; none at all, or another holder, does not.
    """
    wrong = next((check for check in shown.checks if check.outcome in ("fail", "unknown")), None)
    if wrong is not None and wrong.code != "proof_missing":
        return Check(name="presentation", outcome=wrong.outcome, detail=wrong.detail, code=wrong.code)
    if wrong is not None:
        detail = "It came in a presentation that nobody signed: who presents it was not shown."
        return Check(name="presentation", outcome="skipped", detail=detail, code="presentation_unsigned")
    if shown.holder is not None and shown.holder in [id_of(each) for each in items(subject)]:
        return passed("presentation", f"It was presented by whom it is about, with his own key. {_OCCASION}")
    detail = f"It was presented by somebody whom it does not name as the one it is about. {_OCCASION}"
    return warned("presentation", "holder_not_subject", detail)
