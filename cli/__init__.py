"""`laurel`, the command line: the services' public and operators' APIs, for people and for scripts."""
