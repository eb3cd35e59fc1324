"""Which keys signed credentials, for those that a release stored which kept the first key alone."""

from shared.db import Tx


async def find_keys(tx: Tx, limit: int) -> int:
    """Store the keys of up to `limit` credentials of which they are not known, as their signatures name them.

    Returns how many credentials those were. A proof names its key by the verification method; a token by that, by the
    key's id behind the DID, or by the address at which it stands as a JWK.
    """
    done: str = await tx.execute(
        """
        with taken as materialized (
            select c.id, c.institution_id, c.signing_key_id, d.document -> 'proof' as proof,
                   translate(split_part(d.token, '.', 1), '-_', '+/') as header
            from credentials c left join credential_contents d on d.credential_id = c.id
            where c.other_proof_key_ids is null order by c.id limit $1 for update of c skip locked
        ), tokens as materialized (
            select id, institution_id, convert_from(decode(padded, 'base64'), 'UTF8')::json ->> 'kid' as kid
            from taken, rpad(header, (length(header) + 3) / 4 * 4, '=') as padded
        ), others as (
            select t.id, k.id as key_id, min(p.n) as n
            from taken t
            cross join lateral json_array_elements(case json_typeof(t.proof) when 'array' then t.proof else '[]' end)
                with ordinality as p(proof, n)
            join signing_keys k on k.institution_id = t.institution_id
                and k.verification_method = p.proof ->> 'verificationMethod' and k.id <> t.signing_key_id
            group by t.id, k.id
        )
        update credentials c set
            other_proof_key_ids = array(select key_id from others o where o.id = c.id order by n),
            token_key_id = (
                select k.id from signing_keys k where k.institution_id = t.institution_id
                and (t.kid in (k.verification_method, k.did || '#' || k.id) or t.kid like '%/keys/' || k.id))
        from tokens t where c.id = t.id
        """,
        limit,
    )
    return int(done.removeprefix("UPDATE "))
