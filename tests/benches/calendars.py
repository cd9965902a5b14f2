"""Which calendars of exchange_calendars can be made in this environment: the table of docs/reference/calendars.md.

python -m tests.benches.calendars
"""

from importlib.metadata import version

import exchange_calendars

from sentiscore.errors import InputError
from sentiscore.features.exchanges import find_exchange


def main() -> None:
    """Print each code whose calendar cannot be made, with the reason, and a list of the others."""
    names = ("exchange_calendars", "pandas")
    print(", ".join(f"{name} {version(name)}" for name in names))  # noqa: T201
    works = []
    for code in exchange_calendars.get_calendar_names(include_aliases=False):
        try:
            exchange = find_exchange(code)
            exchange.sessions(exchange.start, exchange.start)
        except InputError as error:
            print(error.message)  # noqa: T201
        else:
            works.append(code)
    print(f"{len(works)} can be made: {', '.join(works)}")  # noqa: T201


if __name__ == "__main__":
    main()
