"""The hosted RemBG API as an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Self

from rembg_plugins.api.client import Client
from rembg_plugins.core.validation import check_upload

if TYPE_CHECKING:
    from rembg_plugins.api.throttle import Throttle
    from rembg_plugins.core.configuration import Configuration
    from rembg_plugins.core.engine import OnProgress
    from rembg_plugins.core.request import Request
    from rembg_plugins.core.result import Result


class ApiEngine:
    """Sends each picture to the API, which applies the options itself; one credit each.

    Args:
        client: Who sends; it holds the credentials.

    Attributes:
        anonymous: Whether it sends neither key nor token.
    """

    name = "api"
    native_options = True
    paid = True

    def __init__(self, client: Client) -> None:
        """Keep the client."""
        self._client = client
        # A new one would have every stored cut-out made, and paid for, again. Another server's
        # cut-outs, those of a test server for instance, are never taken for the API's.
        self.version = "1" if client.is_default else f"1 at {client.url}"
        self.anonymous = client.anonymous

    @classmethod
    def configured(cls, configuration: Configuration, *, throttle: Throttle | None = None) -> Self:
        """The engine that the settings describe.

        Args:
            configuration: The settings.
            throttle: When requests may begin, in place of the rate in the settings.

        Raises:
            ConfigurationError: The URL, the key or the certificates cannot be used.
        """
        return cls(
            Client(
                configuration.api_url.value,
                api_key=configuration.api_key.value,
                user_token=configuration.user_token.value,
                connect_timeout_s=configuration.connect_timeout_s.value,
                read_timeout_s=configuration.read_timeout_s.value,
                call_timeout_s=configuration.call_timeout_s.value,
                throttle=configuration.rate.value if throttle is None else throttle,
            )
        )

    def __repr__(self) -> str:
        return f"ApiEngine({self._client!r})"

    def delay(self) -> float:
        """How long a call would wait now for its turn, in s; see :meth:`Client.delay`."""
        return self._client.delay()

    def run(
        self,
        request: Request,
        *,
        on_progress: OnProgress | None = None,
        sink: BinaryIO | None = None,
    ) -> Result:
        """Give the API's picture, in one attempt.

        Raises:
            ValidationError: The encoded picture is too long, or cannot be read.
            APIError: See :meth:`rembg_plugins.api.client.Client.remove`.
        """
        check_upload(request.source)
        return self._client.remove(request, on_progress=on_progress, sink=sink)
