# SPDX-License-Identifier: MIT
"""As small as a Django project can be. README.md tells what of it has to do with Sluice."""
import os

SECRET_KEY = "for an example only"
DEBUG = True
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "notices.urls"
INSTALLED_APPS = ["notices"]
MIDDLEWARE = ["django.middleware.csrf.CsrfViewMiddleware"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
USE_TZ = True

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [os.environ.get("REDIS_URL", "redis://localhost:6379/0")]},
    },
}

# Where browsers find the sockets. Behind a proxy that sends /ws/ to Sluice this would be the site's own address.
WEB_SOCKETS = os.environ.get("WEB_SOCKETS", "ws://127.0.0.1:8000")
