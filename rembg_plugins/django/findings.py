"""Every kind of finding of ``manage.py check``, with its id and its hint."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own names


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of finding.

    Attributes:
        id: As in ``SILENCED_SYSTEM_CHECKS``.
        meaning: What was found, for the documentation.
        hint: What to do.
    """

    id: str
    meaning: str
    hint: str

    @property
    def is_error(self) -> bool:
        """Whether the site must not run so; else it is a warning."""
        return self.id.startswith("rembg.E")

    def told(self, message: str, *, hint: str = "") -> CheckMessage:
        """The finding as Django shows it.

        Args:
            message: What was found, here.
            hint: What to do, where more can be said than for all of the kind.
        """
        cls = Error if self.is_error else Warning
        return cls(message, hint=hint or self.hint, id=self.id)


NOT_A_MAPPING = Finding(
    id="rembg.E001",
    meaning="`REMBG` is no mapping.",
    hint="Write REMBG = {...}; an empty one is allowed.",
)
UNKNOWN_KEY = Finding(
    id="rembg.E002",
    meaning="`REMBG` has a key that is none.",
    hint="Keys are in capitals; remove what is none of them.",
)
BAD_VALUE = Finding(
    id="rembg.E003",
    meaning="A value is none that its key can have.",
    hint="See the example of the key.",
)
KEY_IN_SETTINGS = Finding(
    id="rembg.E004",
    meaning="An API key seems to be written into the settings.",
    hint=(
        "Set REMBG_API_KEY in the environment, or give a function that fetches the key, as in "
        "'API_KEY': 'shop.secrets.rembg_key'. If the key was ever committed, have it replaced."
    ),
)
BAD_CONFIGURATION = Finding(
    id="rembg.E005",
    meaning="Settings and environment do not go together: a key and a token at once, or a key "
    "whose URL comes from another place.",
    hint="Set the key and its URL in the same place, and no token beside a key.",
)
UNKNOWN_ENGINE = Finding(
    id="rembg.E006",
    meaning="There is no engine of that name.",
    hint="Correct REMBG['ENGINE'], or install the plugin that brings it.",
)
ENGINE_UNUSABLE = Finding(
    id="rembg.E007",
    meaning="The engine cannot work here: something is not installed.",
    hint="Install what the message names, or choose another engine.",
)
NO_ENGINE = Finding(
    id="rembg.E008",
    meaning="There is no engine: no key for the API, and no embedded engine.",
    hint=(
        "Set REMBG_API_KEY in the environment for the hosted API (a setting of that name is not "
        "read), or run pip install 'rembg-plugins[local]' for the embedded engine."
    ),
)
BAD_ROUTE = Finding(
    id="rembg.E009",
    meaning="Nothing could be sent to the API: its URL cannot be used, or the proxy's, or there "
    "are no such certificates.",
    hint=(
        "Correct REMBG['API_URL'], or REMBG_API_URL in the environment, or the variable that the "
        "message names. The API's URL begins with https:// and holds no user name or password."
    ),
)
NO_STORE = Finding(
    id="rembg.E010",
    meaning="The alias of the store is not in `STORAGES`.",
    hint=(
        "Add it, as in STORAGES = {..., 'rembg': {'BACKEND': "
        "'django.core.files.storage.FileSystemStorage', 'OPTIONS': {'location': BASE_DIR / "
        "'cutouts'}}}, with a folder that no web server serves."
    ),
)
STORE_UNUSABLE = Finding(
    id="rembg.E011",
    meaning="The storage of the store cannot be made.",
    hint="Mend its BACKEND and OPTIONS in STORAGES.",
)
SHARED_STORE = Finding(
    id="rembg.E012",
    meaning="The store is one of Django's own aliases, `default` or `staticfiles`.",
    hint="Give the store an alias and a folder of its own.",
)
SERVED_STORE = Finding(
    id="rembg.E013",
    meaning="The store lies in a folder that is served: `MEDIA_ROOT`, `STATIC_ROOT`, or such.",
    hint="Set OPTIONS['location'] of the store to a folder outside of it.",
)
PUBLIC_STORE = Finding(
    id="rembg.E014",
    meaning="The store makes its files public, by an access list.",
    hint="Set OPTIONS['default_acl'] of the store to None or 'private'.",
)
CUTOUTS_IN_CUTOUTS = Finding(
    id="rembg.E015",
    meaning="The store is a `CutoutStorage`, which needs a store itself.",
    hint="Set REMBG['STORE'] to a plain storage.",
)
STATIC_FILES = Finding(
    id="rembg.E016",
    meaning="`staticfiles` is a `CutoutStorage`: collectstatic would pay for every picture.",
    hint="Use a storage for static files there, and CutoutStorage under another alias.",
)
BAD_CUTOUT_STORAGE = Finding(
    id="rembg.E017",
    meaning="A `CutoutStorage` wraps an alias, or names a profile, that does not exist; or it "
    "wraps itself or another `CutoutStorage`; or it cannot be made of its `OPTIONS`.",
    hint="Correct OPTIONS of the storage; its own are wraps, profile and on_error.",
)
NO_CACHE = Finding(
    id="rembg.E020",
    meaning="The alias of the lock cache is not in `CACHES`, or its class cannot be imported.",
    hint="Correct it in CACHES, or name another in REMBG['LOCK_CACHE'].",
)
NO_TASKS = Finding(
    id="rembg.E021",
    meaning="`DEFER` is on, and there are no tasks: neither `django.tasks` nor `django_tasks`.",
    hint="Run pip install django-tasks, or use Django 6 or newer.",
)
BAD_TASKS = Finding(
    id="rembg.E022",
    meaning="`DEFER` is on, and `TASKS` has no `default`, or one whose class cannot be imported.",
    hint=(
        "Write TASKS = {'default': {'BACKEND': '...'}} with the dotted path of a backend that is "
        "installed and has a worker, as 'django_tasks_db.DatabaseBackend'; or name a function of "
        "your own in REMBG['ENQUEUE']."
    ),
)
ANONYMOUS = Finding(
    id="rembg.W001",
    meaning="The engine is `api`, and no key is configured: pictures are shrunk and not kept.",
    hint="Set REMBG_API_KEY in the environment.",
)
STORE_WITH_URL = Finding(
    id="rembg.W002",
    meaning="The store has a `base_url`, so its files seem to be served.",
    hint="Remove OPTIONS['base_url'] of the store; nothing of this package asks for a URL.",
)
UNSIGNED_URLS = Finding(
    id="rembg.W003",
    meaning="The store gives out unsigned URLs, so its files seem to be public.",
    hint="Set OPTIONS['querystring_auth'] of the store to True, and make the bucket private.",
)
FORGETFUL_STORE = Finding(
    id="rembg.W004",
    meaning="The store is in memory: every process pays for itself, and again after a restart.",
    hint="Use a storage that keeps files, but in tests.",
)
LOCAL_LOCKS = Finding(
    id="rembg.W005",
    meaning="Nothing that all machines see can hold the locks; lock files hold on one machine.",
    hint="Name a cache in Redis or Memcached in REMBG['LOCK_CACHE'].",
)
IMMEDIATE_TASKS = Finding(
    id="rembg.W006",
    meaning="`DEFER` is on, and the task backend runs tasks at once, or never.",
    hint="Set TASKS['default']['BACKEND'] to one with a worker, and run the worker.",
)
CUTOUTS_BY_DEFAULT = Finding(
    id="rembg.W007",
    meaning="`default` is a `CutoutStorage`: each picture that any app saves is paid for, "
    "thumbnails and all.",
    hint="Give it an alias of its own, and name that in the fields that want it, as in "
    "ImageField(storage=storages['cutouts']).",
)
ROLLED_BACK_LEDGER = Finding(
    id="rembg.W008",
    meaning="The engine may cost credits, and the ledger is in an SQLite database with "
    "`ATOMIC_REQUESTS`: what a page has spent is forgotten if the page fails.",
    hint="Keep the ledger in PostgreSQL; or remove ATOMIC_REQUESTS from the database, and write "
    "transaction.atomic() where a view needs it. Django's admin has a transaction of its own for "
    "each save: only PostgreSQL helps there.",
)
NO_TABLE = Finding(
    id="rembg.W009",
    meaning="A table is not in its database, or not with all of its columns; asked for only by "
    "`check --database` and by `migrate`, which makes them.",
    hint="Run manage.py migrate; if that is what runs just now, all is well.",
)
IGNORED_SETTING = Finding(
    id="rembg.W010",
    meaning="A setting is not read that is called as a variable of the environment, or as a key "
    "of `REMBG`, as `REMBG_API_KEY`.",
    hint="Write it as a key of REMBG = {...}, or as a variable of the environment.",
)
NO_WAGTAIL_APP = Finding(
    id="rembg.W011",
    meaning="A template of a Wagtail site asks for a cut-out, and the app for Wagtail is missing.",
    hint='Add the line "rembg_plugins.wagtail", to INSTALLED_APPS, and run manage.py migrate.',
)

FINDINGS: tuple[Finding, ...] = tuple(
    value for value in list(vars().values()) if isinstance(value, Finding)
)
"""All of them, errors first."""
