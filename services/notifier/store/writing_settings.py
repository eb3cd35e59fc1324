"""How a tenant's mails are written: language, and templates of its own."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.notifier.store.parcels import Template
from shared.db import Tx
from shared.web.auth import Principal


async def language(tx: Tx) -> str | None:
    """Return the language of the transaction's tenant; None where it has chosen none."""
    found: str | None = await tx.fetchval("select language from mail_settings")
    return found


async def set_language(tx: Tx, tenant_id: UUID, chosen: str) -> None:
    """Choose a tenant's language."""
    await tx.execute(
        """
        insert into mail_settings (tenant_id, language) values ($1, $2)
        on conflict (tenant_id) do update set language = excluded.language
        """,
        tenant_id,
        chosen,
    )


async def templates(tx: Tx) -> Sequence[Any]:
    """Return all templates of the transaction's tenant: at most one for each type and language."""
    return await tx.fetch("select * from templates order by type, language")


async def template(tx: Tx, mail: str, chosen: str) -> Any:
    """Return the template of the transaction's tenant for a type of mails in a language, or None."""
    return await tx.fetchrow("select * from templates where type = $1 and language = $2", mail, chosen)


async def put_template(tx: Tx, principal: Principal, mail: str, chosen: str, words: Template) -> Any:
    """Store a tenant's template in the place of the one before, and return it."""
    return await tx.fetchrow(
        """
        insert into templates (tenant_id, type, language, subject, text, html, updated_by)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (tenant_id, type, language) do update set subject = excluded.subject, text = excluded.text,
            html = excluded.html, updated_by = excluded.updated_by, updated_at = laurel_clock()
        returning *
        """,
        principal.tenant_id,
        mail,
        chosen,
        words.subject,
        words.text,
        words.html,
        principal.key_id,
    )


async def remove_template(tx: Tx, mail: str, chosen: str) -> bool:
    """Remove a template of the transaction's tenant; False where there is none."""
    return bool(
        await tx.fetchval("delete from templates where type = $1 and language = $2 returning true", mail, chosen)
    )


async def badge_to_show(tx: Tx, credential_id: UUID) -> Any:
    """Return a badge of the transaction's tenant as it was signed, or None: neither address nor private link."""
    return await tx.fetchval("select notifier_badge_to_show($1)", credential_id)


async def name(tx: Tx, tenant_id: UUID) -> Any:
    """Return an institution's name and address on the web as they are known here, or None."""
    return await tx.fetchrow("select name, url from institutions where id = $1", tenant_id)
