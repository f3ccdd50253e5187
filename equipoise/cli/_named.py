"""Options whose values are names of a registry: choices, help, completion and errors all come from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    ParamType = click.ParamType[Any]
else:
    ParamType = click.ParamType  # takes no type argument before click 8.4

__all__ = ["Named", "NamedOption"]


class Named(ParamType):
    """A name of the registry of ``kind``, a ``path.py:Name``, or one of the words in ``also``."""

    name = "name"

    def __init__(self, kind: str, also: tuple[str, ...] = ()) -> None:
        self.kind, self.also = kind, also

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from equipoise.registry import registry

        if value and value not in self.also:
            registry(self.kind).check(value)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        from equipoise.registry import registry

        texts = {**dict.fromkeys(self.also, ""), **registry(self.kind).texts()}
        return [CompletionItem(name, help=text) for name, text in texts.items() if name.startswith(incomplete)]


class NamedOption(click.Option):
    """An option that takes a `Named`; its help ends with the names there are at that moment."""

    def __init__(self, *args: Any, kind: str, also: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **{"metavar": "NAME|FILE.py:NAME", "type": Named(kind, also), **kwargs})

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        from equipoise.registry import registry

        assert isinstance(self.type, Named)
        record = super().get_help_record(ctx)
        if record is None:
            return None
        flags, text = record
        return flags, f"{registry(self.type.kind).choices(*self.type.also)}. {text}"
