"""From an order to its signed credential: what is checked before, and how it is signed, whatever kind it is of."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson

from services.issuer.domain import badges, generic
from services.issuer.domain.asked import member_of_order
from services.issuer.domain.formats import proofs_of, token_of
from services.issuer.domain.lint import member_of_given, refuse_unfit_badge
from services.issuer.domain.plan import AnyOrder, Draft, Given, Plan, Signed
from shared.credentials import jwt
from shared.credentials.canonical import digest
from shared.credentials.compiled import Shapes
from shared.credentials.contexts import PINNED_ALONE, Terms, are_a_badges
from shared.credentials.dids import controller_of, jwk_method, jwk_url
from shared.credentials.errors import CredentialError
from shared.credentials.jsonld import to_quads
from shared.credentials.keys import Algorithm, PrivateKey
from shared.credentials.proofs import prove
from shared.credentials.shape import BADGE_TYPES, items
from shared.errors import Invalid, LaurelError, Malformed, TooLarge

# Of document and token: room for the rest of the event beside them, below the 512 KiB of a record.
MAX_DOCUMENT_BYTES = 400 * 1024


def refuse_impossible(plan: Plan, order: AnyOrder, public_url: str) -> None:
    """Raise Invalid (of a given credential Malformed, or Conflict) where the order can't be issued by this plan."""
    if isinstance(order, Given):
        generic.refuse_unfit(plan, order, public_url)
    else:
        badges.refuse_impossible(plan, order)


def make(
    plan: Plan,
    draft: Draft,
    keys: Mapping[Algorithm, PrivateKey],
    public_url: str,
    *,
    demo: bool,
    shapes: Shapes | None = None,
    terms: Terms = PINNED_ALONE,
    alike: bool = False,
) -> Signed:
    """Build one credential and sign it in the plan's formats; its proofs' `created` is the plan's `now`.

    `terms` says where those of a credential that is no badge may come from; `alike` that a badge like this one
    (`badges.likeness`) was found to be one that strict readers take.

    Raises Invalid, of a given credential Malformed, where it has no signed form (a value twice in a set, say), Invalid
    where strict readers would refuse a badge, TooLarge where it is too long.
    """
    try:
        unsigned = _unsigned(plan, draft, public_url, demo=demo, alike=alike)
        words = PINNED_ALONE if is_badge(unsigned) else terms
        document = {**unsigned, "proof": _proof(plan, unsigned, keys, shapes, words)}
        token = _token(plan, unsigned, keys)
    except CredentialError as error:
        raise _refusal(draft, error) from error
    if len(orjson.dumps(document)) + len(token or "") > MAX_DOCUMENT_BYTES:
        raise TooLarge("credential_too_large", f"The credential would have more than {MAX_DOCUMENT_BYTES} bytes.")
    return Signed(draft, document, digest(document), token)


def refuse_unfit(plan: Plan, draft: Draft, public_url: str, shapes: Shapes) -> None:
    """Raise as `make` would, without signing anything."""
    try:
        shapes.rdfc(_unsigned(plan, draft, public_url, demo=False))  # raises for what means nothing
    except CredentialError as error:
        raise _refusal(draft, error) from error


def _unsigned(plan: Plan, draft: Draft, public_url: str, *, demo: bool, alike: bool = False) -> dict[str, Any]:
    """Return the credential without a proof; whoever wrote it, a badge is one that strict readers take."""
    if isinstance(draft.order, Given):
        unsigned = generic.unsigned(plan, draft, draft.order, public_url)
    else:
        # It was possible when its numbers were taken; signed once more, it begins later.
        badges.refuse_impossible(plan, draft.order)
        unsigned = badges.unsigned(plan, draft, draft.order, public_url, demo=demo or plan.sandbox)
    if is_badge(unsigned):
        if not are_a_badges(unsigned["@context"]):
            raise CredentialError("The contexts are not those of an Open Badge, in their order.", "context_order")
        given = isinstance(draft.order, Given)
        if not alike:
            refuse_unfit_badge(unsigned, member_of_given if given else partial(member_of_order, badge=unsigned))
    return unsigned


def is_badge(document: Mapping[str, Any]) -> bool:
    """Tell whether a credential is a badge by its type, whoever wrote it."""
    return bool(BADGE_TYPES & set(items(document["type"])))


def _refusal(draft: Draft, error: CredentialError) -> LaurelError:
    return (Malformed if isinstance(draft.order, Given) else Invalid)(error.code, error.detail)


def _proof(
    plan: Plan,
    unsigned: Mapping[str, Any],
    keys: Mapping[Algorithm, PrivateKey],
    shapes: Shapes | None,
    terms: Terms,
) -> Any:
    """Return the one proof, or the set of them; each is over the credential without any."""
    wanted = proofs_of(plan.formats)
    if all(suite.canonical == "jcs" for suite, _ in wanted):
        to_quads(
            unsigned, terms.contexts, inline=terms.inline
        )  # raises for what means nothing: such proofs do not look at what members mean
    made = [
        prove(unsigned, keys[kind], plan.keys[kind].verification_method, plan.now, suite, shapes=shapes, terms=terms)
        for suite, kind in wanted
    ]
    return made[0] if len(made) == 1 else made


def _token(plan: Plan, unsigned: Mapping[str, Any], keys: Mapping[Algorithm, PrivateKey]) -> str | None:
    """Return the credential as a token, whose key is named by where it stands as a JWK."""
    wanted = token_of(plan.formats)
    if wanted is None:
        return None
    profile, kind = wanted
    key, sealed = keys[kind], plan.keys[kind]
    if profile == "ob3-jwt":
        return jwt.write_ob3(unsigned, key, jwk_url(plan.did, sealed.id), plan.now)
    method = jwk_method(controller_of(sealed.verification_method), sealed.id) or sealed.verification_method
    return jwt.write_vc(unsigned, key, method, plan.now)
