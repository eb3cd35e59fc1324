"""The pure credential core: documents, keys and times in; signed documents, checks and reports out.

Make       badge, identity, status; signed by proofs (suites) as JSON, by jwt as a token; baking puts it into a picture
Read       containers: JSON (strict_json), a token (jwt), a picture (baking_png, baking_svg)
           open_badges_2 (its issuer, its status): the older generation, which is checked there as well
Check      check: shape of badges, data_model (related) of others, contexts (own_terms), then known_keys (controllers,
           dids, keys, jwk), proofs or jwt, foreign_status; report. presentations: who shows which credentials
Canonical  canonical: jsonld to quads, rdf_canon to the form; compiled (structure, reading, learning, template) does the
           same for shapes that came before
"""
