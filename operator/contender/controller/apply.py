"""apply: carries out the writes in order, and stops at the first that fails."""

import logging
from collections.abc import Mapping

from contender.controller import metrics
from contender.controller.caches import Caches
from contender.core import names
from contender.core.children.base import Child, Resource
from contender.core.diff import Annotate, Create, Delete, Update, Write, residue
from contender.core.manifest import Manifest, annotation, label, name_of, owned_by
from contender.core.snapshot import Insistence
from contender.kube.client import Client, collection
from contender.kube.errors import ApiError

log = logging.getLogger(__name__)


class Hindrance(ApiError):
    """Something that no answer of the API server says; the message is for status as it is."""


class NameConflict(Hindrance):
    """A child's name is taken by an object that is not ours."""

    def __init__(self, write: Create, holder: Manifest) -> None:
        whose, way_out = _claim(holder)
        message = (
            f"{write.child.resource.kind} {name_of(write.manifest)!r} exists and belongs to"
            f" {whose}: {way_out}"
        )
        super().__init__("POST", _path(write), 409, "NameConflict", message)


class LabelLost(Hindrance):
    """A child comes back without the label by which we find it."""

    def __init__(self, write: Create) -> None:
        message = (
            f"{write.child.resource.kind} {name_of(write.manifest)!r} is stored without its label"
            f" {names.LABEL_OWNER}: exempt it from the webhook that takes the label away"
        )
        super().__init__("PUT", _path(write), 422, "LabelLost", message)


class Applier:
    """Writes children, and notes what others insist on."""

    def __init__(self, client: Client, caches: Caches) -> None:
        self._client = client
        self._caches = caches

    async def apply(self, writes: tuple[Write, ...], tried: frozenset[str] = frozenset()) -> int:
        """Carry out the writes; return how many there were.

        Args:
            writes: in this order.
            tried: revisions that only an Experiment wants. Where one of theirs is refused, the
                Experiment is told, and all others go on.

        Raises:
            ApiError: a write failed; those before it are done. NameConflict when an object of
                another owner has the name of a child.
        """
        done: list[str] = []
        try:
            for write in writes:
                revision = label(write.manifest, names.LABEL_REVISION)
                try:
                    await self._one(write)
                except ApiError as error:
                    if revision not in tried or not error.is_refusal:
                        raise
                    self._caches.note_refusal((_namespace(write), revision), str(error))
                done.append(_told(write))
        finally:
            if done:
                owner = label(writes[0].manifest, names.LABEL_OWNER)
                log.info("%s/%s: %s", _namespace(writes[0]), owner, ", ".join(done))
        return len(done)

    async def _one(self, write: Write) -> None:
        kind, verb = write.child.resource.kind, type(write).__name__.lower()
        try:
            with self._caches.writing(write.manifest):
                match write:
                    case Create():
                        await self._create(write)
                    case Update():
                        await self._update(write)
                    case Annotate():
                        await self._annotate(write)
                    case Delete():
                        await self._delete(write)
        except ApiError:
            metrics.WRITES.labels(kind, verb, "error").inc()
            raise
        metrics.WRITES.labels(kind, verb, "success").inc()

    async def _create(self, write: Create) -> None:
        try:
            stored = await self._client.create(_collection(write), write.manifest)
        except ApiError as error:
            if not error.already_exists:
                raise
            await self._explain(write, error)
            return
        self._caches.store(stored)

    async def _explain(self, write: Create, error: ApiError) -> None:
        """Find out who has the name. Ours: somebody took its label off, or the cache is late; then
        the cache learns of it and the next pass compares. Another's: say so and leave it."""
        path = _path(write)
        holder = await self._client.get(path)
        owner = write.manifest["metadata"]["ownerReferences"][0]
        leaving = holder["metadata"].get("deletionTimestamp")
        if not owned_by(holder, owner["uid"]):
            if not leaving and not _of_predecessor(holder, owner):
                raise NameConflict(write, holder) from error
        elif not leaving:
            stored = await self._label(path, holder, write.manifest["metadata"]["labels"])
            if not label(stored, names.LABEL_OWNER):
                raise LabelLost(write) from error
        raise ApiError("POST", path, 409, "Conflict", "the name is not free yet") from error

    async def find(self, child: Child, name: str, owner: Manifest) -> None:
        """Look for a child that the caches do not show. If it is there it has lost its label, by
        which we find it: it gets it back.

        Raises:
            ApiError: it was there; the next pass sees it.
        """
        path = f"{collection_of(child.resource, owner['metadata']['namespace'])}/{name}"
        try:
            found = await self._client.get(path)
        except ApiError as error:
            if error.not_found:
                return
            raise
        ours = owned_by(found, owner["metadata"]["uid"])
        if ours and not found["metadata"].get("deletionTimestamp"):
            await self._label(path, found, {names.LABEL_OWNER: name_of(owner)})
            raise ApiError("GET", path, 409, "Conflict", "it had lost its label")

    async def _label(self, path: str, live: Manifest, labels: Mapping[str, str]) -> Manifest:
        live["metadata"]["labels"] = {**(live["metadata"].get("labels") or {}), **labels}
        stored = await self._client.replace(path, live)
        self._caches.learn(stored)
        return stored

    async def _update(self, write: Update) -> None:
        stored = await self._client.replace(_path(write), write.manifest)
        self._note_insistence(write, stored)
        self._caches.store(stored)

    async def _annotate(self, write: Annotate) -> None:
        change = {"metadata": {"annotations": dict(write.annotations)}}
        try:
            stored = await self._client.merge_patch(_path(write), change)
        except ApiError as error:
            if not error.not_found:
                raise
            self._caches.forget(write.manifest)
            return
        self._caches.store(stored)

    async def _delete(self, write: Delete) -> None:
        try:
            await self._client.delete(_path(write), _uid(write.manifest))
        except ApiError as error:
            if not error.not_found:
                raise
        self._caches.forget(write.manifest)

    def _note_insistence(self, write: Update, stored: Manifest) -> None:
        """Note fields that somebody changed on the way: they are not written again and again."""
        uid, fields = _uid(stored), residue(write, stored)
        if not fields:
            self._caches.insisted.pop(uid, None)
            return
        insisted = Insistence(write.applied, fields)
        if self._caches.insisted.get(uid) != insisted:
            log.warning(
                "%s %s: a webhook or the API server stored these fields otherwise; left so: %s",
                write.child.resource.kind,
                name_of(stored),
                ", ".join(fields[:5]),
            )
            self._caches.insisted[uid] = insisted


def _claim(holder: Manifest) -> tuple[str, str]:
    """Return whose an object is (its controller, else those that it hangs on), and what to do."""
    way_out = "rename or delete it, or give this ModelDeployment another name"
    owners = holder["metadata"].get("ownerReferences") or []
    named = [(f"{one['kind']} {one['name']}", one.get("controller")) for one in owners]
    if controller := next((name for name, controls in named if controls), ""):
        return controller, way_out
    whose = "no controller"
    if named:
        whose += f" but hangs on {', '.join(name for name, _ in named)}"
    if annotation(holder, names.ANNOTATION_APPLIED):
        maker = label(holder, names.LABEL_OWNER)
        whose += f" any more; it was made for {f'ModelDeployment {maker}' if maker else 'another'}"
        way_out = "delete it, or make this ModelDeployment its controller in ownerReferences"
    return whose, way_out


def _of_predecessor(holder: Manifest, owner: Manifest) -> bool:
    """Return whether an object belongs to a deleted ModelDeployment of the same name: the garbage
    collector is about to take it away."""
    owners = holder["metadata"].get("ownerReferences") or []
    return any(
        (one["kind"], one["name"]) == (owner["kind"], owner["name"]) and one.get("controller")
        for one in owners
    )


def _told(write: Write) -> str:
    """Return what was done, for the log."""
    what = f"{write.child.resource.kind} {name_of(write.manifest)}"
    match write:
        case Create():
            return f"created {what}"
        case Update():
            return f"updated {what} ({', '.join(write.fields[:5])})"
        case Annotate():
            return f"annotated {what}"
        case Delete():
            return f"deleted {what}"


def _namespace(write: Write) -> str:
    return str(write.manifest["metadata"]["namespace"])


def _uid(manifest: Manifest) -> str:
    return manifest["metadata"].get("uid", "")


def _collection(write: Write) -> str:
    return collection_of(write.child.resource, _namespace(write))


def collection_of(resource: Resource, namespace: str) -> str:
    """Return the path of the objects of a kind in a namespace."""
    return collection(resource.api_version, resource.plural, namespace)


def _path(write: Write) -> str:
    return f"{_collection(write)}/{name_of(write.manifest)}"
