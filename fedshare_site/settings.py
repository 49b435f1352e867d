"""Settings of the site. Every value that an operator may set comes from the environment."""

import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlparse
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from celery.schedules import crontab
from csp.constants import SELF
from django.core.exceptions import ImproperlyConfigured

from audits.verification.plan import LEVELS
from fedshare_site import embedded, logs
from fedshare_site.broker import broker
from fedshare_site.environment import seconds
from unlearning.requests.calendars import known_place

BASE_DIR = Path(__file__).resolve().parent.parent

VAR = Path(os.environ.get("FEDSHARE_VAR", BASE_DIR / "var")).resolve()
"""Everything that the service writes without being told where else: database, keys, artifacts."""

KEYS = Path(os.environ.get("FEDSHARE_KEYS", VAR / "keys"))
"""Master key, log key and report signer (`manage.py make_keys`)."""

DEVICES = VAR / "devices"
"""What simulated devices hold. Real devices are elsewhere and leave this empty."""

AUDIT_MODELS = VAR / "audit-models"
"""Models that are trained to be compared with, while a job or a certification runs; those that know withdrawn
data are among them, so keep it as private as the database."""

SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY") or embedded.secret(KEYS / "django.secret")
DEBUG = os.environ.get("DJANGO_DEBUG") == "1"
ALLOWED_HOSTS = os.environ.get("DJANGO_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")

INSTALLED_APPS = [
    "fedshare_site",
    "unlearning",
    "audits",
    "models_engine",
    "fedshare_site.records.apps.Records",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "django.forms",
    "rest_framework",
    "drf_spectacular",
    "oauth2_provider",
    "pgtrigger",
    "csp",
    "django_htmx",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "axes",
]

MIDDLEWARE = [
    "fedshare_site.correlation.Correlation",
    "fedshare_site.probes.Probes",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "fedshare_site.text.NoNul",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "unlearning.dashboard.sessions.SessionLimits",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "fedshare_site.urls"
WSGI_APPLICATION = "fedshare_site.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "unlearning.dashboard.navigation.navigation",
            ]
        },
    }
]


FORM_RENDERER = "unlearning.dashboard.forms.Renderer"


FEDSHARE_LEASE = seconds("FEDSHARE_LEASE", 120, least=1, most=86_400)
"""Seconds after which a job whose worker gave no sign of life may be claimed by another. PostgreSQL ends a transaction
in which a process falls silent for as long: nobody must wait for the locks of one that is frozen or out of reach."""


def _database(url: str) -> dict[str, object]:
    parts = urlparse(url)
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    silence = f"-c idle_in_transaction_session_timeout={round(FEDSHARE_LEASE * 1000)}"
    query["options"] = f"{query.get('options', '')} {silence}".strip()
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", parts.hostname or ""),
        "PORT": parts.port or "",
        "OPTIONS": query,
        # Beginning a connection takes longer than answering a request.
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


DATABASE_URL = os.environ.get("DATABASE_URL") or embedded.database_url(VAR)
"""`postgresql://user:password@host:port/name`; without it a private server runs under `VAR`."""

DATABASES = {"default": _database(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

FEDSHARE_S3_BUCKET = os.environ.get("FEDSHARE_S3_BUCKET", "")
"""Bucket of an S3-compatible storage for models, reports and the running state of jobs, where several machines work;
without one they lie under `VAR`. It must keep no versions: what is destroyed would stay. Key and region are boto3's
own variables (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_DEFAULT_REGION`) or the machine's role."""

FEDSHARE_S3_ENDPOINT = os.environ.get("FEDSHARE_S3_ENDPOINT", "")
"""Address of the storage, where it is not Amazon's."""


def _storage(folder: str, *, replaces: bool = False) -> dict[str, object]:
    if FEDSHARE_S3_BUCKET:
        options = {
            "bucket_name": FEDSHARE_S3_BUCKET,
            "endpoint_url": FEDSHARE_S3_ENDPOINT or None,
            "location": folder,
            "file_overwrite": replaces,
        }
        return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
    options = {"location": VAR / folder, "file_permissions_mode": 0o600}
    return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}


STORAGES = {
    "default": _storage("media"),
    "artifacts": _storage("artifacts"),
    "reports": _storage("reports"),
    "work": _storage("work", replaces=True),
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
STATICFILES_DIRS = [BASE_DIR / "templates" / "static"]

# --- People and clients -------------------------------------------------------------------------

LOGIN_URL = "dashboard:sign-in"
LOGIN_REDIRECT_URL = "dashboard:home"
LOGOUT_REDIRECT_URL = "dashboard:sign-in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]

FEDSHARE_SECOND_FACTOR = os.environ.get("FEDSHARE_SECOND_FACTOR", "1") == "1"
"""Ask everybody who signs in for a code of their authenticator (TOTP, RFC 6238); off for demonstrations alone."""
OTP_TOTP_ISSUER = "FedShare"

AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # so that nobody locks an officer out from elsewhere
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "dashboard/sign_in/locked.html"
AXES_HTTP_RESPONSE_CODE = 429
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 8 * 3600

FEDSHARE_IDLE_MINUTES = int(os.environ.get("FEDSHARE_IDLE_MINUTES", "30"))
"""Minutes without a click after which a dashboard session ends; pages that refresh themselves don't count."""
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

if os.environ.get("FEDSHARE_HTTPS") == "1":  # behind a proxy that ends TLS
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 31_536_000

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": ["'none'"],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": ["'none'"],
    }
}

OAUTH2_PROVIDER = {
    "SCOPES": {
        "subjects:read": "Look customers up",
        "subjects:write": "Register customers and their identifiers",
        "consents:read": "Read what customers chose, and export consent records",
        "consents:write": "Record what a customer chose to share, and make links to their page",
        "interactions:write": "Store interactions",
        "requests:read": "Follow requests and download their evidence",
        "requests:write": "Open and cancel unshare and erasure requests",
        "requests:manage": "Act on every client's requests: verify identities, hold, extend, refuse",
        "lineage:read": "Trace customers' data and versions; export what is held of a customer",
        "webhooks:manage": "Register webhooks and follow their deliveries",
        "opendsr": "Send OpenDSR requests",
    },
    "DEFAULT_SCOPES": [],
    "SCOPES_BACKEND_CLASS": "unlearning.api.clients.OwnScopes",
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["oauth2_provider.contrib.rest_framework.OAuth2Authentication"],
    "DEFAULT_PERMISSION_CLASSES": ["oauth2_provider.contrib.rest_framework.TokenMatchesOASRequirements"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["unlearning.api.parsers.StrictJsonParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "unlearning.api.problems.as_problem",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "FedShare",
    "DESCRIPTION": "Consent, unlearning requests and their evidence.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "OAUTH2_FLOWS": ["clientCredentials"],
    "ENUM_NAME_OVERRIDES": {
        "GroundEnum": "unlearning.requests.grounds.Ground",
        "ExtensionEnum": "unlearning.requests.grounds.Extension",
        "RequestStateEnum": "unlearning.requests.states.State",
        "JobStateEnum": "unlearning.jobs.models.Job.State",
    },
    "OAUTH2_TOKEN_URL": "/oauth/token/",
    "OAUTH2_SCOPES": OAUTH2_PROVIDER["SCOPES"],
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

# --- Jobs ---------------------------------------------------------------------------------------

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "filesystem://")
"""`amqp://…` (RabbitMQ) or `redis://…` in production; by default a folder under `VAR`."""

BROKER = broker(CELERY_BROKER_URL, VAR / "broker")
CELERY_BROKER_TRANSPORT_OPTIONS = BROKER.transport
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its broker as long as it takes

CELERY_TASK_QUEUES = BROKER.queues
CELERY_TASK_DEFAULT_QUEUE = "intake"
CELERY_TASK_ROUTES = {
    "unlearning.run_job": {"queue": "train"},
    "unlearning.write_reports": {"queue": "report"},
    "unlearning.sweep_reports": {"queue": "report"},
    "unlearning.sweep_deliveries": {"queue": "webhooks"},
    "unlearning.deliver": {"queue": "webhooks"},
    "unlearning.tell_callbacks": {"queue": "webhooks"},
}
CELERY_TASK_ACKS_LATE = True  # but for `run_job`, see there
CELERY_TASK_REJECT_ON_WORKER_LOST = False  # the sweeper republishes; a poison job must not loop
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 5
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

FEDSHARE_BATCH_WINDOW = seconds("FEDSHARE_BATCH_WINDOW", 60, least=0, most=30 * 86_400)
"""Seconds that a request waits for others, so that they share one fleet of references."""

FEDSHARE_BACK_OFF = seconds("FEDSHARE_BACK_OFF", 10, least=0, most=86_400)
"""Seconds that a job waits after an attempt that failed; twice as long after each further one."""

FEDSHARE_MAX_ATTEMPTS = 3
"""Attempts at a job before it needs attention."""

FEDSHARE_ASSURANCE = os.environ.get("FEDSHARE_ASSURANCE", "quick")
"""How hard every request is checked: `quick`, `standard` or `full`. See docs/auditors.md for what each can claim."""
if FEDSHARE_ASSURANCE not in LEVELS:
    raise ImproperlyConfigured(f"FEDSHARE_ASSURANCE: {FEDSHARE_ASSURANCE!r} is none of {', '.join(LEVELS)}")

CELERY_BEAT_SCHEDULER = "celery.beat.Scheduler"
"""Beat keeps no file of its own: what is due stands in the database, and a file that a kill tore would stop it for
good. A daily task whose hour passes while beat is down runs the next day."""

_VOID = {"expiration": 10}  # seconds, by the broker's clock: a worker whose clock is wrong must not throw messages away
CELERY_BEAT_SCHEDULE = {
    "plan-and-sweep": {"task": "unlearning.plan_and_sweep", "schedule": 2.0, "options": _VOID},
    "sweep-files": {"task": "unlearning.sweep_files", "schedule": 10.0, "options": _VOID},
    "sweep-reports": {"task": "unlearning.sweep_reports", "schedule": 10.0, "options": _VOID},
    "sweep-deliveries": {"task": "unlearning.sweep_deliveries", "schedule": 2.0, "options": _VOID},
    "tell-callbacks": {"task": "unlearning.tell_callbacks", "schedule": 5.0, "options": _VOID},
    "forget-answers": {"task": "unlearning.forget_old_answers", "schedule": crontab(minute=30)},
    "keep-house": {"task": "unlearning.keep_house", "schedule": crontab(hour=3, minute=0)},
}

# --- Requests -----------------------------------------------------------------------------------

FEDSHARE_TIME_ZONE = os.environ.get("FEDSHARE_TIME_ZONE", "UTC")
"""IANA name of the time zone whose days count for deadlines: the controller's."""
try:
    ZoneInfo(FEDSHARE_TIME_ZONE)
except (ZoneInfoNotFoundError, ValueError):
    raise ImproperlyConfigured(f"FEDSHARE_TIME_ZONE: {FEDSHARE_TIME_ZONE!r} is no IANA time zone") from None

FEDSHARE_HOLIDAYS = os.environ.get("FEDSHARE_HOLIDAYS", "")
"""Whose public holidays no period ends on (Regulation 1182/71 art. 3(4)): a country such as `FR`, or `DE-BY`.
Without it, Saturdays and Sundays alone. It holds until an administrator sets a policy in the dashboard, and for
requests that come in: a period that runs keeps the calendar that it began with."""
if FEDSHARE_HOLIDAYS and known_place(FEDSHARE_HOLIDAYS) != FEDSHARE_HOLIDAYS:
    raise ImproperlyConfigured(f"FEDSHARE_HOLIDAYS: {FEDSHARE_HOLIDAYS!r} is no known country or region")

FEDSHARE_JOURNAL = Path(os.environ.get("FEDSHARE_JOURNAL", VAR / "journal"))
"""Folder of the journal of erasures, which `manage.py replay_erasures` repeats after a restore: keep it on other
storage than the database, and out of the backups that it is there for."""

FEDSHARE_PUBLIC_URL = os.environ.get("FEDSHARE_PUBLIC_URL", "http://localhost:8000").rstrip("/")
"""Address under which others reach this service: in links for subjects, and in signatures over addresses."""

FEDSHARE_LINK_HOURS = int(os.environ.get("FEDSHARE_LINK_HOURS", "24"))
"""Hours that a link to a subject's page is good for."""

FEDSHARE_PRIVATE_TARGETS = os.environ.get("FEDSHARE_PRIVATE_TARGETS") == "1"
"""Allow webhooks to addresses inside (loopback, private ranges) and without TLS; for development."""

FEDSHARE_SIMULATE_DEVICES = os.environ.get("FEDSHARE_SIMULATE_DEVICES", "1") == "1"
"""Give interactions that come over the API to simulated devices as well; off where customers' devices are real."""

FEDSHARE_DROP_URL = os.environ.get("FEDSHARE_DROP_URL", "").rstrip("/")
"""Address of California's Delete Request and Opt-out Platform, for data brokers; pulled once a day where it is set."""

FEDSHARE_DRP_BUSINESS = os.environ.get("FEDSHARE_DRP_BUSINESS", "")
"""The business id under which agents know this controller (Data Rights Protocol)."""

FEDSHARE_RATE = int(os.environ.get("FEDSHARE_RATE", "600"))
"""Requests that one client may send in ten seconds, counted by each web process; 0: any number."""

if FEDSHARE_DROP_URL:
    CELERY_BEAT_SCHEDULE["pull-drop"] = {"task": "unlearning.pull_drop", "schedule": crontab(hour=2, minute=0)}

FEDSHARE_METRICS_TOKEN = os.environ.get("FEDSHARE_METRICS_TOKEN", "")
"""Bearer token that `/metrics` asks for; without one there are no metrics."""

# --- Evidence -----------------------------------------------------------------------------------

FEDSHARE_LOG_ORIGIN = os.environ.get("FEDSHARE_LOG_ORIGIN", "fedshare.local/log")
"""Name of the transparency log in its checkpoints (C2SP tlog-checkpoint): unique and lasting."""

FEDSHARE_MASTER_KEY = os.environ.get("FEDSHARE_MASTER_KEY", "")
"""The master key, 32 bytes in base64, where it is not to lie in a file."""

FEDSHARE_KMS = os.environ.get("FEDSHARE_KMS", "")
"""Dotted path of a class that encrypts and decrypts the master key (`audits.evidence.master.KeyManagement`)."""

FEDSHARE_WITNESSES = os.environ.get("FEDSHARE_WITNESSES", "").split()
"""Who cosigns the log's checkpoints, separated by spaces: addresses of C2SP witnesses (another instance's
`https://…/witness`), or folders on other storage."""

FEDSHARE_WITNESSED_LOGS = os.environ.get("FEDSHARE_WITNESSED_LOGS", "").split()
"""Keys of other instances' logs to which this one is a witness, separated by spaces."""

FEDSHARE_WITNESS_NAME = os.environ.get("FEDSHARE_WITNESS_NAME", f"{FEDSHARE_LOG_ORIGIN}/witness")
"""Under which this instance cosigns them."""

FEDSHARE_RETENTION_MONTHS = int(os.environ.get("FEDSHARE_RETENTION_MONTHS", "36"))
"""Months that evidence is kept after its request has ended; California asks for 24 at least (11 CCR § 7101(a))."""
if FEDSHARE_RETENTION_MONTHS < 24:
    raise ImproperlyConfigured(f"FEDSHARE_RETENTION_MONTHS: {FEDSHARE_RETENTION_MONTHS} are too few: give at least 24")

FEDSHARE_REPORT_LANGUAGES = os.environ.get("FEDSHARE_REPORT_LANGUAGES", "en").split(",")
"""Languages that every report is written in, separated by commas: `en`, `fr`, `de`."""
if not set(FEDSHARE_REPORT_LANGUAGES) <= {"en", "fr", "de"}:
    raise ImproperlyConfigured(f"FEDSHARE_REPORT_LANGUAGES: {','.join(FEDSHARE_REPORT_LANGUAGES)!r}: give en, fr, de")

FEDSHARE_TSA = os.environ.get("FEDSHARE_TSA", "")
"""Address of a time-stamping authority (RFC 3161); without one, reports state the signer's own clock."""

FEDSHARE_TRUST = os.environ.get("FEDSHARE_TRUST", "")
"""PEM file with the roots, and what lies between, of the signer's and the authority's certificates: with it, reports
carry validation data for later years (PAdES B-LT)."""

FEDSHARE_PKCS11 = os.environ.get("FEDSHARE_PKCS11", "")
"""The signer's key on a token, as a URI (RFC 7512): `pkcs11:token=T;object=KEY?module-path=LIB&pin-source=file:PATH`.
Its certificate lies in the key folder, as `signer.crt`. Without it the key lies there too."""

FEDSHARE_CONTROLLER = os.environ.get("FEDSHARE_CONTROLLER", "Demonstration controller")
"""Name of the controller (GDPR art. 4(7)) as reports print it."""

# --- The rest -----------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
FORMAT_MODULE_PATH = ["fedshare_site.formats"]
LANGUAGES = [("en", "English"), ("fr", "français"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "templates" / "locale"]
USE_TZ = True

FEDSHARE_LOG_FORMAT = os.environ.get("FEDSHARE_LOG_FORMAT", "line")
"""How logs are written: `line`, to be read, or `json`, an object for each line, with trace and job, to be collected."""
if FEDSHARE_LOG_FORMAT not in logs.FORMATS:
    raise ImproperlyConfigured(f"FEDSHARE_LOG_FORMAT: {FEDSHARE_LOG_FORMAT!r} is none of {', '.join(logs.FORMATS)}")
LOGGING = logs.logging_as(FEDSHARE_LOG_FORMAT)
