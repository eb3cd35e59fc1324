"""How a tenant's mails are written: language, and templates of its own."""

from uuid import UUID

from shared.db import Tx


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
