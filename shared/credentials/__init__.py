"""The pure credential core: documents, keys and times in; signed documents, checks and reports out.

Make       badge, identity, status; signed by proofs (suites) as JSON, by jwt as a token; baking puts it into a picture
Read       containers: JSON (strict_json), a token (jwt), a picture (baking_png, baking_svg)
Check      check: the shape of badges, data_model (related) of other credentials, contexts (own_terms), then known_keys
           (controllers, dids, keys, jwk), proofs or jwt, then what stands elsewhere: foreign_status, schemas,
           endorsements. conformance (vocabulary, results): what strict readers would refuse. report: what all comes to.
           presentations: who shows which credentials. open_badges_2 (its issuer, its status): the older generation
Canonical  canonical: jsonld to quads, rdf_canon to the form; compiled (structure, reading, learning, template) does the
           same for shapes that came before. walking goes through any document
"""
