"""Every setting, read from the environment; a bad or missing value refuses to start and names it."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from annotera.embedded.home import connection_urls, home_directory, secret, socket_directory

BASE_DIR = Path(__file__).resolve().parent.parent


def environment_flag(name: str, default: bool) -> bool:
    value = os.environ.get(name, "1" if default else "0").lower()
    if value not in {"0", "1", "true", "false"}:
        raise ImproperlyConfigured(f"{name} must be 0 or 1, not {value!r}.")
    return value in {"1", "true"}


def environment_integer(name: str, default: int, *, minimum: int = 0) -> int:
    value = os.environ.get(name, str(default))
    if not value.isascii() or not value.isdigit() or int(value) < minimum:
        raise ImproperlyConfigured(f"{name} must be a whole number of at least {minimum}, not {value!r}.")
    return int(value)


def environment_list(name: str, default: str) -> list[str]:
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


def database_from_url(url: str) -> dict[str, Any]:
    """postgresql://user:password@host:port/name?sslmode=require; host= in the query names a socket folder."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        raise ImproperlyConfigured("DATABASE_URL must look like postgresql://user:password@host:5432/name.")
    options = dict(parse_qsl(parts.query))
    return {
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", parts.hostname or ""),
        "PORT": str(parts.port or options.pop("port", "")),
        "OPTIONS": options,
    }


# --- Where things are -------------------------------------------------------------------------------------
PRODUCTION = environment_flag("ANNOTERA_PRODUCTION", default=False)
DEBUG = environment_flag("ANNOTERA_DEBUG", default=False)
if PRODUCTION and DEBUG:
    raise ImproperlyConfigured("ANNOTERA_DEBUG must be 0 when ANNOTERA_PRODUCTION is 1.")
ANNOTERA_HOME = home_directory()
BLOB_ROOT = os.environ.get("ANNOTERA_BLOB_ROOT", str(ANNOTERA_HOME / "blobs"))
WORK_ROOT = Path(os.environ.get("ANNOTERA_WORK_ROOT", str(ANNOTERA_HOME / "work")))
NODE_MODULES = Path(os.environ.get("ANNOTERA_NODE_MODULES", str(BASE_DIR / "node_modules")))

# --- Secrets ----------------------------------------------------------------------------------------------
if "SECRET_KEY" in os.environ:
    SECRET_KEY = os.environ["SECRET_KEY"]
elif PRODUCTION:
    raise ImproperlyConfigured(
        "SECRET_KEY is missing: production needs a random value of at least 50 characters."
    )
else:
    SECRET_KEY = secret(ANNOTERA_HOME, "django")
if PRODUCTION and len(SECRET_KEY) < 50:
    raise ImproperlyConfigured("SECRET_KEY is too short: production needs at least 50 random characters.")
SECRET_KEY_FALLBACKS = environment_list("SECRET_KEY_FALLBACKS", "")
# Names the people that data is about. It must outlive every other secret: with another one, nobody who was
# erased would be known any more. Empty: the secret key takes its place.
SUBJECT_SECRET = os.environ.get("ANNOTERA_SUBJECT_SECRET", "")
if not SUBJECT_SECRET and not PRODUCTION:
    SUBJECT_SECRET = secret(ANNOTERA_HOME, "subjects")

# --- Services ---------------------------------------------------------------------------------------------
if PRODUCTION and not ("DATABASE_URL" in os.environ and "BROKER_URL" in os.environ):
    raise ImproperlyConfigured("DATABASE_URL and BROKER_URL are required when ANNOTERA_PRODUCTION is 1.")
_embedded = connection_urls(ANNOTERA_HOME)
_database: dict[str, Any] = dict(_embedded.database)
if "DATABASE_URL" in os.environ:
    _database = database_from_url(os.environ["DATABASE_URL"])
POOL_SIZE = environment_integer("ANNOTERA_DATABASE_POOL", 0)
# A process that hangs inside a transaction must not keep its row locks for ever.
_session = "-c idle_in_transaction_session_timeout=60s"
_options: dict[str, Any] = {"connect_timeout": 5, "options": _session, **_database.get("OPTIONS", {})}
if POOL_SIZE:
    _options["pool"] = {"min_size": 1, "max_size": POOL_SIZE, "timeout": 5}
DATABASES = {
    "default": {
        **_database,
        "ENGINE": "django.db.backends.postgresql",
        "OPTIONS": _options,
        "CONN_MAX_AGE": 0 if POOL_SIZE else 60,
        "CONN_HEALTH_CHECKS": True,
        "TEST": {"NAME": os.environ.get("ANNOTERA_TEST_DB", "test_annotera"), "TEMPLATE": "template0"},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
BROKER_URL = os.environ.get("BROKER_URL", _embedded.broker_url)
CELERY_BROKER_URL = BROKER_URL
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# --- The application --------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "annotera.apps.AnnoteraConfig",
    "production.apps.ProductionConfig",
    "qa.apps.QaConfig",
    "training.apps.TrainingConfig",
    "annotation.apps.AnnotationConfig",
    "corpus.apps.CorpusConfig",
    "jobs.apps.JobsConfig",
    "accounts.apps.AccountsConfig",
    "core.apps.CoreConfig",
    "template_partials",
    "rest_framework",
    "drf_spectacular",
    "csp",
    "django.contrib.postgres",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
]
MIDDLEWARE = [
    "core.requests.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # The ranking page with four answers is 33 KB plain and 6 KB packed, for 0.7 ms.
    "django.middleware.gzip.GZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "core.rendering.ErrorMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.PersonMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "annotera.urls"
WSGI_APPLICATION = "annotera.wsgi.application"
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
                "django.template.context_processors.i18n",
                "accounts.context.navigation",
            ],
        },
    }
]
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- People -----------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.login.EmailBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

# --- The web ----------------------------------------------------------------------------------------------
ALLOWED_HOSTS = environment_list("ALLOWED_HOSTS", "" if PRODUCTION else "127.0.0.1,localhost,[::1]")
if PRODUCTION and not ALLOWED_HOSTS:
    raise ImproperlyConfigured(
        "ALLOWED_HOSTS is missing: name the hosts that serve Annotera, separated by commas."
    )
CSRF_TRUSTED_ORIGINS = environment_list("CSRF_TRUSTED_ORIGINS", "")
CSRF_FAILURE_VIEW = "core.rendering.csrf_failure"
HTTPS = environment_flag("ANNOTERA_HTTPS", default=PRODUCTION)
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS and environment_flag("ANNOTERA_SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
TRUSTED_PROXY = environment_flag("ANNOTERA_TRUSTED_PROXY", default=False)
if TRUSTED_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}
STATIC_URL = "/static/"
STATIC_ROOT = Path(os.environ.get("ANNOTERA_STATIC_ROOT", str(ANNOTERA_HOME / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "core.staticfiles.LibraryFinder",
]
_static_storage = "core.staticfiles.StaticStorage"
if environment_flag("ANNOTERA_PLAIN_STATIC", default=DEBUG):
    _static_storage = "django.contrib.staticfiles.storage.StaticFilesStorage"
    WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _static_storage},
}
UPLOAD_BYTES = environment_integer("ANNOTERA_UPLOAD_MIB", 512, minimum=1) * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 11 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_HANDLERS = [
    "core.uploads.BoundedUpload",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# --- The API ----------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.TokenAuthentication",
        "accounts.authentication.PersonSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.api.JSONBodyParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "core.api.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Annotera",
    "VERSION": "1",
    "DESCRIPTION": "Annotation, training and lineage over HTTP. Errors: {error: {code, message, fields}}.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "core.documenting.document_errors",
    ],
}

# --- Long work --------------------------------------------------------------------------------------------
JOB_LEASE_SECONDS = environment_integer("ANNOTERA_JOB_LEASE", 60, minimum=1)
JOB_HEARTBEAT_SECONDS = environment_integer("ANNOTERA_JOB_HEARTBEAT", 15, minimum=1)
JOB_SWEEP_SECONDS = environment_integer("ANNOTERA_JOB_SWEEP", 15, minimum=1)
JOB_KILL_AFTER_SECONDS = environment_integer("ANNOTERA_JOB_KILL_AFTER", 20, minimum=1)
ENGINE_THREADS = environment_integer("ANNOTERA_ENGINE_THREADS", os.cpu_count() or 1, minimum=1)
ENGINE_DEVICE = os.environ.get("ANNOTERA_DEVICE", "auto")

# --- Deployed models --------------------------------------------------------------------------------------
INFERENCE_THREADS = environment_integer("ANNOTERA_INFERENCE_THREADS", ENGINE_THREADS, minimum=1)
INFERENCE_SECONDS = environment_integer("ANNOTERA_INFERENCE_SECONDS", 10, minimum=2)
INFERENCE_SOCKETS = socket_directory(ANNOTERA_HOME)

# --- The log ----------------------------------------------------------------------------------------------
LOG_LEVEL = os.environ.get("ANNOTERA_LOG_LEVEL", "INFO").upper()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "core.requests.RequestIdFilter"}},
    "formatters": {"line": {"()": "core.logs.LineFormatter"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "filters": ["request_id"], "formatter": "line"},
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
}
