"""The base URL of Dinie's API, to which the target of a request is appended."""

from dataclasses import dataclass

from yarl import URL


@dataclass(frozen=True, slots=True)
class Base:
    """Where the upstream is; a target is appended to `path`, never joined."""

    scheme: str
    authority: str  # as in a URL: brackets, punycode and all
    path: str

    @classmethod
    def of(cls, base_url: str) -> "Base":
        """Return the parts of a base URL that the configuration has checked."""
        url = URL(base_url, encoded=True)
        assert url.host is not None, "the configuration guarantees a host"  # noqa: S101
        return cls(url.scheme, url.raw_authority, url.raw_path.rstrip("/"))

    def url(self, target: str) -> URL:
        """Return the URL of a raw target (path and query, checked before).

        The whole target goes in as the path, already encoded: taken apart, `/x?` would
        lose its question mark.
        """
        path = self.path + target
        if path[:1] != "/":  # the base itself, of an API that stands at the root
            path = "/" + path
        return URL.build(
            scheme=self.scheme, authority=self.authority, path=path, encoded=True
        )
