"""The transparency log on the command line: watched from outside, copied, told to others, and held against the record.

source.py     where a log's files are read: an address, or a folder made by `export`
files.py      checkpoints, tiles and bundles from there, each in its one form or a finding
following.py  a log's new leaves, read and grown from what is known
state.py      what an auditor remembers from run to run
auditing.py   the audit itself: what was seen before, what is served now, what others were shown
audit.py      `laurel log audit`
export.py     `laurel log export`
openings.py   a report's file; report.py `laurel log report` and `check-report`
proof.py      `laurel log proof check`
served.py     what a registry serves against its rows, for `laurel log reconcile` (cli/check.py, cli/leaves.py)
succeed.py    `laurel log succeed`
"""
