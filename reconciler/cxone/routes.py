"""Where things are: URLs of tokens, collections and resources, with the target's overrides applied."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

from reconciler.core.addresses import path_problem, server_problem
from reconciler.core.kind import Kind, Wire
from reconciler.cxone.settings import TargetApi
from reconciler.errors import BadAnswer, InvalidProject


class Routes:
    """The addresses of one target; ``base`` is its URL, or the stand-in for an application in this process."""

    def __init__(self, api: TargetApi, base: str) -> None:
        _check(api, "url", server_problem(base))
        for what, url in (
            ("auth", api.auth.token_path),
            *((f"api.paths.{kind}", path) for kind, path in api.paths.items()),
        ):
            _check(api, what, server_problem(url) if _is_absolute(url) else path_problem(url))
        self._base = base.rstrip("/")
        self._paths = api.paths
        self.token_url = self.absolute(api.auth.token_path)

    @property
    def any_tls(self) -> bool:
        """Whether any address needs certificates."""
        return any(url.startswith("https:") for url in (self._base, self.token_url, *self._paths.values()))

    def absolute(self, path: str) -> str:
        """Make a path under the base URL absolute; an absolute URL stays what it is."""
        return path if _is_absolute(path) else f"{self._base}/{path.lstrip('/')}"

    def collection(self, kind: Kind, query: Mapping[str, str | int] | None = None) -> str:
        """The URL of a kind's collection."""
        return with_query(self.absolute(self._paths.get(kind.name, wire_of(kind).collection)), query)

    def item(self, kind: Kind, id_: str, query: Mapping[str, str] | None = None) -> str:
        """The URL of one resource. Raises `BadAnswer` for an id that would leave the collection."""
        if id_ in ("", ".", ".."):
            raise BadAnswer(f"{id_!r} cannot be the id of a {kind.name}", fix="remove it in the tenant by other means")
        collection = self.collection(kind)
        path = wire_of(kind).item.replace("{collection}", collection).replace("{id}", quote(id_, safe=""))
        return with_query(path if _is_absolute(path) else self.beside(kind, path), query)

    def beside(self, kind: Kind, path: str) -> str:
        """A path on the server that has a kind's collection, which may have a base URL of its own."""
        collection = self._paths.get(kind.name, "")
        if not _is_absolute(collection):
            return self.absolute(path)
        parts = urlsplit(collection)
        return f"{parts.scheme}://{parts.netloc}/{path.lstrip('/')}"


def wire_of(kind: Kind) -> Wire:
    """How a kind is served; raises ValueError for one that does not live in a tenant."""
    if kind.wire is None:
        raise ValueError(f"{kind.name} is not a resource kind")
    return kind.wire


def with_query(url: str, query: Mapping[str, str | int] | Mapping[str, str] | None) -> str:
    """Append query parameters."""
    if not query:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"


def label_of(url: str) -> str:
    """Path and query of a URL: how it is shown, without host and without anything before it."""
    parts = urlsplit(url)
    return f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"


def _is_absolute(url: str) -> bool:
    return url.startswith(("http://", "https://"))


def _check(api: TargetApi, what: str, problem: str) -> None:
    """Refuse what is no address; what is wrong is said without repeating it, for there may be credentials in it."""
    if problem:
        raise InvalidProject(
            f"{what} of target {api.name} {problem}",
            fix="write url as https://host, and paths as /path or https://host/path, without credentials",
        )
