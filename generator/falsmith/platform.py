"""The Platform API's client: finds models, one with its document or all of them, and prices."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import httpx

from fal_runtime.config import Config
from fal_runtime.errors import KeyMissingError, NotAcceptedError
from fal_runtime.fal.clock import Clock
from fal_runtime.fal.http import Connection, exchange, unreachable
from fal_runtime.fal.platform import list_prices
from fal_runtime.fal.protocol import Price, key_error
from fal_runtime.text import one_line
from falsmith.documents import Documents, Json, ListEntry, entry_documents, list_entries, load_json
from falsmith.errors import DocumentError, ModelNotFoundError, PlatformError
from falsmith.text import counted

__all__ = ["CursorError", "Page", "Platform"]

EXCERPT = 120
# What the API's own description gives as an example; the most that it allows stands nowhere. It is
# also the most models that may be asked for by their IDs at once.
PAGE_SIZE = 50
# The whole catalogue has some 1,500 models, 30 pages with documents: a list beyond has no end.
MOST_PAGES, MOST_ENTRIES = 1_000, 50_000
# Bytes, decoded: 50 models with their documents have less than 1 MB.
PAGE_LIMIT = 32 << 20
# It goes into an address, and into messages on a screen.
CURSOR = re.compile(r"[!-~]{1,2000}")
ADVICE = "try again later, or use a saved document with --source PATH"


class CursorError(PlatformError):
    """The platform's list cannot be followed from a place that the platform itself gave."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the platform's list; a malformed entry is an error among the others.

    `next_cursor` leads to the next page and is None on the last.
    """

    items: tuple[ListEntry | DocumentError, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Platform:
    """Asks `/v1/models` and `/v1/models/pricing`; GETs are repeated when they fail in passing.

    A key is sent where there is one, and only raises the platform's limits for models.
    """

    client: httpx.Client
    config: Config
    clock: Clock = field(default_factory=Clock)

    def find(self, model_id: str) -> Documents:
        """Return the documents of one model.

        Raises:
            ModelNotFoundError: The platform knows no such model.
            KeyMissingError: The key is refused.
            PlatformError: The answer cannot be used, or has no document of the model.
            NotAcceptedError: The platform cannot be reached.

        """
        answer = self._ask("/v1/models", {"endpoint_id": model_id, "expand": "openapi-3.0"})
        origin = "the platform's answer"
        try:
            entry = _named(list_entries(answer, origin), model_id)
            if entry.openapi is None:
                raise PlatformError(
                    "platform_down", f"fal has no document of {model_id} at the moment: {ADVICE}"
                )
            return entry_documents(entry, origin)
        except DocumentError as error:
            reason = str(error).removesuffix(".")
            raise PlatformError("platform_down", f"{reason}: {ADVICE}") from None

    def find_each(
        self, model_ids: Sequence[str]
    ) -> Iterator[tuple[str, ListEntry | DocumentError | None]]:
        """Yield each ID with its entry and document, None where the platform has no such model.

        Fifty models are one request. Raises as `search`.
        """
        for start in range(0, len(model_ids), PAGE_SIZE):
            batch = model_ids[start : start + PAGE_SIZE]
            found: dict[str, ListEntry | DocumentError] = {}
            try:
                for page in self.pages({"endpoint_id": batch}, documents=True):
                    found |= {item.model_id: item for item in page.items}
            except ModelNotFoundError:
                # The platform refuses a list for one model that it does not know.
                if len(batch) > 1:
                    for one in batch:
                        yield from self.find_each([one])
                    continue
            yield from ((one, found.get(one)) for one in batch)

    def search(
        self,
        text: str = "",
        category: str | None = None,
        status: str | None = None,
        limit: int | None = None,
        *,
        documents: bool = False,
    ) -> Iterator[ListEntry | DocumentError]:
        """Yield the models that fit, in the platform's order, each of them once.

        Args:
            text: Free text over name, description and category; empty for all models.
            category: A category's exact name.
            status: "active" or "deprecated"; None for both.
            limit: The most models to yield; None reads the list to its end.
            documents: Ask for the models' documents, which makes pages large.

        Raises:
            PlatformError: An answer cannot be used, or its pages lead nowhere.
            KeyMissingError: The key is refused.
            NotAcceptedError: The platform cannot be reached.

        """
        terms = {"q": one_line(text), "category": one_line(category or ""), "status": status}
        query = {name: value for name, value in terms.items() if value}
        seen: set[str] = set()
        for page in self.pages(query, size=min(limit or PAGE_SIZE, PAGE_SIZE), documents=documents):
            for item in page.items:
                if isinstance(item, DocumentError):
                    yield item
                elif item.model_id not in seen:
                    seen.add(item.model_id)
                    yield item
                if len(seen) == limit:
                    return

    def pages(
        self,
        query: Mapping[str, str | Sequence[str]] | None = None,
        *,
        cursor: str | None = None,
        size: int = PAGE_SIZE,
        documents: bool = False,
    ) -> Iterator[Page]:
        """Yield the pages of `GET /v1/models`, from `cursor` to the last; one request at a time.

        Raises as `search`, and CursorError where the platform refuses or repeats a cursor, or
        where its list is longer than any catalogue.
        """
        params: dict[str, str | Sequence[str]] = {**(query or {}), "limit": str(size)}
        params |= {"expand": "openapi-3.0"} if documents else {}
        used: set[str] = set()
        entries = 0
        for number in range(1, MOST_PAGES + 1):
            page = self._page(params | ({"cursor": cursor} if cursor is not None else {}))
            used |= {cursor} if cursor is not None else set()
            if page.next_cursor in used:
                raise CursorError(
                    "platform_down",
                    "the platform's list goes in a circle: a page names the page after it by the "
                    "cursor of an earlier one. Try again later",
                )
            yield page
            cursor = page.next_cursor
            entries += len(page.items)
            if cursor is None:
                return
            if entries > MOST_ENTRIES or number == MOST_PAGES:
                raise CursorError(
                    "platform_down",
                    f"the platform's list has no end: {counted(entries, 'model')} on "
                    f"{counted(number, 'page')}, and still more. Try again later, or narrow the "
                    "search",
                )

    def prices(self, model_ids: Sequence[str]) -> dict[str, Price]:
        """Return the unit prices of models, as far as fal lists one; none where no key is set.

        Raises KeyMissingError for a key that is refused, and NotAcceptedError.
        """
        if self.config.key is None:
            return {}
        return list_prices(Connection(self.client, self.config, clock=self.clock), model_ids)

    def _ask(self, path: str, params: Mapping[str, str]) -> Mapping[str, Json]:
        """Return the answer about one model; raises as `find`."""
        response = self._get(path, params)
        if response.status_code == 404:
            raise _not_found(params["endpoint_id"])
        return _answer(response, has_key=self.config.key is not None)

    def _page(self, params: Mapping[str, str | Sequence[str]]) -> Page:
        response = self._get("/v1/models", params)
        if response.status_code == 404 and "endpoint_id" in params:
            raise _not_found(", ".join(params["endpoint_id"]))
        if response.status_code == 400 and "cursor" in params:
            raise CursorError("platform_down", _refused(response))
        if response.status_code in (400, 414, 422):
            raise PlatformError("usage", _refused(response))
        answer = _answer(response, has_key=self.config.key is not None)
        at = f" at cursor {params['cursor']}" if "cursor" in params else ""
        origin = f"the list of {response.url.host}{at}"
        try:
            return Page(tuple(list_entries(answer, origin)), _next_cursor(answer, origin))
        except DocumentError as error:
            raise PlatformError("platform_down", f"{error} Try again later") from None

    def _get(self, path: str, params: Mapping[str, str | Sequence[str]]) -> httpx.Response:
        url = self.config.origins.platform + path
        keyed = self.config.key is not None and self.config.origins.take_key(url)
        headers = self.config.authorization(url) if keyed else {}
        connection = Connection(self.client, self.config, clock=self.clock)
        try:
            return exchange(
                connection, "GET", url, params=params, headers=headers, limit=PAGE_LIMIT
            )
        except httpx.RequestError as error:
            failure = unreachable(error, url)
            raise NotAcceptedError(
                failure.code,
                f"{failure.message}; without a network, --offline uses the models on this machine",
            ) from error


def _next_cursor(answer: Mapping[str, Json], origin: str) -> str | None:
    """Return the cursor of the next page, or None on the last; a lost one is no end."""
    cursor, more = answer.get("next_cursor"), answer.get("has_more")
    if more is False or not (cursor or more):
        return None
    if isinstance(cursor, str) and CURSOR.fullmatch(cursor):
        return cursor
    raise CursorError(
        "platform_down", f"{origin} promises more models and gives no usable cursor: try later"
    )


def _refused(response: httpx.Response) -> str:
    return (
        f"the platform does not accept the search: {response.status_code} ({_reason(response)}). "
        "Change the text or the category"
    )


def _answer(response: httpx.Response, *, has_key: bool) -> Mapping[str, Json]:
    """Return the JSON object of a good answer; raise what a bad one means."""
    refusal = key_error(response)
    if isinstance(refusal, KeyMissingError) and not has_key:
        text = f"the platform asks for a key: set FAL_KEY ({_reason(response)})"
        raise KeyMissingError("key_refused", text)
    if refusal is not None:
        raise refusal
    if not response.is_success:
        pause = one_line(response.headers.get("retry-after", ""), EXCERPT)
        after = f", Retry-After: {pause}" if pause else ""
        raise PlatformError(
            "platform_down",
            f"the platform answered {response.status_code} ({_reason(response)}{after}): {ADVICE}",
        )
    origin = f"the answer of {response.url.host}"
    try:
        value = load_json(response.content, origin)
    except DocumentError as error:
        kind = one_line(response.headers.get("content-type", "no content type"), EXCERPT)
        hint = "a proxy or a login page may have answered in its place"
        reason = hint if "html" in kind else str(error)
        raise PlatformError("platform_down", f"{origin} is not JSON but {kind}: {reason}") from None
    if not isinstance(value, dict):
        raise PlatformError("platform_down", f"{origin} is not a JSON object: try again later")
    return value


def _named(entries: Iterator[ListEntry | DocumentError], model_id: str) -> ListEntry:
    """Return the entry of the model; without it, an entry that is malformed may have been it."""
    errors: list[DocumentError] = []
    for entry in entries:
        if isinstance(entry, DocumentError):
            errors.append(entry)
        elif entry.model_id == model_id:
            return entry
    raise errors[0] if errors else _not_found(model_id)


def _not_found(model_id: str) -> ModelNotFoundError:
    return ModelNotFoundError(
        f"fal knows no model {model_id}: check the spelling, capitals count; "
        "IDs stand at https://fal.ai/models"
    )


def _reason(response: httpx.Response) -> str:
    """Return the platform's own message, of its error envelope, or its status in words."""
    try:
        match load_json(response.content, "the answer"):
            case {"error": {"message": str(message)}}:
                return one_line(message, EXCERPT)
    except DocumentError:
        pass
    return one_line(response.reason_phrase, EXCERPT) or "no reason given"
