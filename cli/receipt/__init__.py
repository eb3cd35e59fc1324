"""Receipts on the command line: fetched, and checked with no network.

form.py      what a receipt's file says, as far as a check needs it
trust.py     whom whoever checks believes: the verifier's keys, the log's, witnesses
checking.py  what a receipt shows, what it leaves open, and what is wrong with it
commands.py  `laurel receipt get` and `laurel receipt check`
"""
