"""Makes the roles and databases of one Laurel stack in a PostgreSQL cluster; a second run changes nothing.

    python -m deploy.postgres --admin-dsn postgresql://postgres@/postgres?host=/run/postgresql

Each service has a database and three roles: `owner` (migrations; owns database and schema), `app` (the api: bound
by row-level security) and `worker` (relay, consumers, operator routes: BYPASSRLS). The embedded event log is one
more such database, whose `app` every service uses. Roles are cluster-wide, so a prefix tells stacks apart.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

SERVICES = ("issuer", "registry", "verifier", "notifier")
DATABASES = (*SERVICES, "eventlog")
KINDS = ("owner", "app", "worker")


@dataclass(frozen=True)
class Stack:
    """What the roles and databases of one stack are called, so that many stacks can share a cluster.

    Roles are `<role_prefix>_<service>_<kind>`, databases `<database_prefix><service>`. `passwords` go by
    `<service>_<kind>`; a role without one logs in where pg_hba.conf trusts it (embedded: private socket).
    """

    role_prefix: str = "laurel"
    database_prefix: str = ""
    passwords: Mapping[str, str] = field(default_factory=dict, repr=False)

    def role(self, service: str, kind: str) -> str:
        """The name of `service`'s role of `kind` owner, app or worker."""
        return f"{self.role_prefix}_{service}_{kind}"

    def database(self, service: str) -> str:
        """The name of `service`'s database."""
        return self.database_prefix + service

    def dsn(self, admin_dsn: str, service: str, kind: str, database: str | None = None) -> str:
        """The address at which `service`'s role of `kind` reaches its database, or `database`."""
        password = self.passwords.get(f"{service}_{kind}")
        return address(admin_dsn, database or self.database(service), self.role(service, kind), password)


def address(dsn: str, database: str, user: str | None = None, password: str | None = None) -> str:
    """`dsn` (a postgresql:// URL) with another database and, where given, login; host and options stay."""
    parts = urlsplit(dsn)
    login, at, host = parts.netloc.rpartition("@")
    if user is not None:
        login, at = quote(user, safe="") + (f":{quote(password, safe='')}" if password else ""), "@"
    # Spelled out, because urlunsplit drops the slashes of an empty host (a socket address).
    return f"postgresql://{login}{at}{host}/{quote(database, safe='')}?{parts.query}".rstrip("?")


def bootstrap(admin_dsn: str, stack: Stack) -> None:
    """Make every role and database of `stack` that is missing and set the privileges of all of them.

    `admin_dsn` is a superuser's postgresql:// URL. Of several at once, the later wait.
    """
    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        admin.execute("select pg_advisory_lock(hashtext('laurel bootstrap'))")
        for service in DATABASES:
            _make_roles(admin, stack, service)
            _make_database(admin, stack, service)
            guard(admin, stack, service, stack.database(service))
    for service in DATABASES:
        _set_privileges(admin_dsn, stack, service)


def guard(admin: psycopg.Connection, stack: Stack, service: str, database: str) -> None:
    """Let `service`'s own roles alone connect to `database`; copies of a template need it again."""
    name = Identifier(database)
    admin.execute(SQL("revoke all on database {} from public").format(name))
    admin.execute(SQL("grant connect on database {} to {}").format(name, _users(stack, service)))


def _make_roles(admin: psycopg.Connection, stack: Stack, service: str) -> None:
    for kind in KINDS:
        role = stack.role(service, kind)
        if not admin.execute("select from pg_roles where rolname = %s", [role]).rowcount:
            admin.execute(SQL("create role {}").format(Identifier(role)))
        bypass = SQL("bypassrls" if kind == "worker" else "nobypassrls")
        # Set anew each time, so that a role that somebody strengthened by hand is as declared again.
        admin.execute(
            SQL("alter role {} login nosuperuser nocreatedb nocreaterole noreplication {}").format(
                Identifier(role), bypass
            )
        )
        if password := stack.passwords.get(f"{service}_{kind}"):
            # Hashed here, because the server may log the statement.
            scram = admin.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
            admin.execute(SQL("alter role {} password {}").format(Identifier(role), Literal(scram.decode())))


def _make_database(admin: psycopg.Connection, stack: Stack, service: str) -> None:
    name, owner = stack.database(service), Identifier(stack.role(service, "owner"))
    if not admin.execute("select from pg_database where datname = %s", [name]).rowcount:
        # template0 and UTF8: the cluster's own choices must not decide what a service can store.
        create = SQL("create database {} owner {} template template0 encoding 'UTF8'")
        admin.execute(create.format(Identifier(name), owner))
    admin.execute(SQL("alter database {} owner to {}").format(Identifier(name), owner))


def _set_privileges(admin_dsn: str, stack: Stack, service: str) -> None:
    """What the owner's migrations make later, the service's roles may use; a migration may take some back."""
    names = {"owner": Identifier(stack.role(service, "owner")), "users": _users(stack, service)}
    with psycopg.connect(address(admin_dsn, stack.database(service))) as connection:
        for statement in _PRIVILEGES:
            connection.execute(SQL(statement).format(**names))


_PRIVILEGES = (
    "alter schema public owner to {owner}",
    "revoke all on schema public from public",
    "grant usage on schema public to {users}",
    # Functions are everybody's by default, security definer ones too; this part can't be limited to a schema.
    "alter default privileges for role {owner} revoke execute on functions from public",
    "alter default privileges for role {owner} in schema public grant execute on functions to {users}",
    "alter default privileges for role {owner} in schema public grant usage on sequences to {users}",
    "alter default privileges for role {owner} in schema public grant select, insert on tables to {users}",
    "alter default privileges for role {owner} in schema public grant update, delete on tables to {users}",
)


def _users(stack: Stack, service: str) -> Composed:
    return SQL(", ").join(Identifier(stack.role(service, kind)) for kind in ("app", "worker"))


def main() -> None:
    """Bootstraps the cluster that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m deploy.postgres", description=__doc__.splitlines()[0])
    parser.add_argument("--admin-dsn", required=True, help="postgresql:// URL of a superuser")
    parser.add_argument("--role-prefix", default="laurel")
    parser.add_argument("--database-prefix", default="")
    parser.add_argument("--passwords", type=Path, help='JSON file: {"issuer_owner": "...", ...}')
    options = parser.parse_args()
    passwords = json.loads(options.passwords.read_text()) if options.passwords else {}
    bootstrap(options.admin_dsn, Stack(options.role_prefix, options.database_prefix, passwords))


if __name__ == "__main__":
    main()
