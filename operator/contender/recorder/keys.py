"""The key of all pseudonyms: a Secret in the recorder's namespace, made when there is none."""

import base64
import secrets

from contender.kube.client import Client, collection
from contender.kube.errors import ApiError

SECRET = "contender-recorder"  # noqa: S105 (a name)
FIELD = "pseudonym-key"
LENGTH = 32


class KeyMissing(Exception):
    """The Secret is there, and holds no key. Its text says how to mend it."""


async def pseudonym_key(client: Client, namespace: str) -> bytes:
    """Return the key; whoever has it can tell which rows are about whom.

    Raises:
        ApiError: the Secret can neither be read nor made.
        KeyMissing: it holds no key.
    """
    path = collection("v1", "secrets", namespace)
    try:
        found = await client.get(f"{path}/{SECRET}")
    except ApiError as error:
        if not error.not_found:
            raise
        found = await _make(client, path, namespace)
    try:
        key = base64.b64decode(found["data"][FIELD], validate=True)
    except (KeyError, TypeError, ValueError):
        key = b""
    if len(key) < LENGTH:
        raise KeyMissing(
            f"Secret {namespace}/{SECRET} has no {FIELD} of {LENGTH} bytes or more: add the former"
            " one, or delete the Secret (people in older rows are then not found any more)"
        )
    return key


async def _make(client: Client, path: str, namespace: str) -> dict[str, dict[str, str]]:
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": SECRET,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/part-of": "contender"},
        },
        "data": {FIELD: base64.b64encode(secrets.token_bytes(LENGTH)).decode()},
    }
    try:
        return await client.create(path, body)
    except ApiError as error:
        if error.already_exists:  # somebody else was faster
            return await client.get(f"{path}/{SECRET}")
        raise
