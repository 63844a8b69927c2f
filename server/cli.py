"""The command line: every job of an operator or trainer as one sub-command of `./yiti`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from core.access import Role
from core.errors import NotFoundError, YitiError
from core.logs import configure_logs
from core.settings import Settings, load_settings
from server.access.accounts import AccountService, canonical_login
from server.access.models import Account, NewCredentials
from server.setup import database, develop, product
from server.setup.steps import StepRunner

app = typer.Typer(
    name="yiti",
    help="Yiti (一体): a self-hosted conversational service desk.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
users = typer.Typer(help="Accounts of agents, supervisors, trainers and administrators.", no_args_is_help=True)
app.add_typer(users, name="user")
app.add_typer(develop.app, name="dev")
console = Console(stderr=True, highlight=False)
ACTOR = "command line"
Result = TypeVar("Result")


def command(group: typer.Typer, name: str | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add a sub-command whose expected failures end in one sentence and exit status 1."""

    def add(function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> None:
            try:
                function(*args, **kwargs)
            except YitiError as error:
                console.print("[red]✗[/red]", escape(error.message), soft_wrap=True)
                raise typer.Exit(1) from error
            except KeyboardInterrupt:
                raise typer.Exit(130) from None

        group.command(name)(guarded)
        return guarded

    return add


@command(app)
def run(
    port: Annotated[int | None, typer.Option(help="Listen on this port instead of YITI_PORT's.")] = None,
) -> None:
    """Set everything up that is not yet, then start the product."""
    settings = _settings(port)
    product.check_port(settings)
    console.print("[bold]Yiti[/bold] is being made ready; the first time takes some minutes.")
    product.prepare_product(settings, console)
    _serve(settings)


@command(app)
def serve(
    port: Annotated[int | None, typer.Option(help="Listen on this port instead of YITI_PORT's.")] = None,
) -> None:
    """Start the product without setting anything up (for process managers)."""
    settings = _settings(port)
    product.check_port(settings)
    _serve(settings)


@command(app)
def setup() -> None:
    """Set everything up without starting it."""
    product.prepare_product(load_settings(), console)


@command(app)
def train(
    force: Annotated[bool, typer.Option(help="Train even if there is a model for the present data.")] = False,
) -> None:
    """Train the assistant, if its data changed."""
    settings = load_settings()
    steps = [product.encoder_step(settings), product.engine_step(), product.training_step(settings, force=force)]
    StepRunner(console).run(steps)


@command(app)
def index() -> None:
    """Build the knowledge index, if an article changed."""
    settings = load_settings()
    StepRunner(console).run([product.encoder_step(settings), product.index_step(settings)])


@command(app)
def migrate() -> None:
    """Bring the database's tables up to date."""
    StepRunner(console).run([product.database_step(load_settings())])


@command(users, "add")
def add_user(
    login: str,
    name: Annotated[str, typer.Option(help="The name customers see.")],
    role: Annotated[list[Role] | None, typer.Option(help="May be given several times.")] = None,
) -> None:
    """Add an account and print its one-time password."""
    roles = frozenset(role or [Role.AGENT])

    async def add(accounts: AccountService) -> NewCredentials:
        return await accounts.create_account(actor=ACTOR, login=login, name=name, roles=roles)

    made = _with_accounts(add)
    _say_password(made, "added")


@command(users, "list")
def list_users() -> None:
    """List the accounts."""

    async def read(accounts: AccountService) -> list[Account]:
        return await accounts.list_accounts()

    table = Table("login", "name", "roles", "state")
    for account in _with_accounts(read):
        roles = ", ".join(sorted(account.roles))
        table.add_row(account.login, account.name, roles, "active" if account.enabled else "disabled")
    Console().print(table)


@command(users, "password")
def reset_password(login: str) -> None:
    """Give an account a new one-time password and end its sessions."""

    async def reset(accounts: AccountService) -> NewCredentials:
        found = await _find(accounts, login)
        return await accounts.reset_password(found.id, actor=ACTOR)

    _say_password(_with_accounts(reset), "has a new password")


@command(users, "disable")
def disable_user(login: str) -> None:
    """Disable an account and end its sessions; `enable` gives it back."""
    _set_enabled(login, enabled=False)


@command(users, "enable")
def enable_user(login: str) -> None:
    """Enable an account again."""
    _set_enabled(login, enabled=True)


def _set_enabled(login: str, *, enabled: bool) -> None:
    async def change(accounts: AccountService) -> Account:
        found = await _find(accounts, login)
        return await accounts.update_account(found.id, actor=ACTOR, enabled=enabled)

    account = _with_accounts(change)
    console.print(f"Account {account.login} is {'enabled' if account.enabled else 'disabled'}.")


async def _find(accounts: AccountService, login: str) -> Account:
    wanted = canonical_login(login)
    for account in await accounts.list_accounts():
        if account.login == wanted:
            return account
    raise NotFoundError(f"No account has the login {wanted!r}; `./yiti user list` shows them.")


def _say_password(made: NewCredentials, what: str) -> None:
    console.print(f"Account {escape(made.account.login)} {what}. One-time password:", style="dim")
    Console().print(made.one_time_password, highlight=False)


def _settings(port: int | None) -> Settings:
    settings = load_settings()
    return settings if port is None else settings.model_copy(update={"port": port})


def _serve(settings: Settings) -> None:
    from server.app import serve_forever  # noqa: PLC0415 - the server's imports are not every command's

    configure_logs(settings.log_form, settings.log_level)
    serve_forever(settings, console)


def _with_accounts(work: Callable[[AccountService], Awaitable[Result]]) -> Result:
    from server.wiring import open_accounts  # noqa: PLC0415

    settings = load_settings()
    database.migrate(settings.database)

    async def run_work() -> Result:
        async with open_accounts(settings) as accounts:
            return await work(accounts)

    return asyncio.run(run_work())


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
