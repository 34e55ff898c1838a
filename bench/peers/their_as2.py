"""django-pyas2 as a sender and as a recipient, each with its own database and files. Runs in its own venv.

    python their_as2.py prepare DIRECTORY OWN_NAME OWN_PEM OTHER_NAME OTHER_PEM CA_PEM OTHER_URL
    gunicorn their_as2:application           the recipient; AS2_DIRECTORY says which one
    python their_as2.py send LETTER          the sender; AS2_DIRECTORY too

The sender reads lines ``whole SECONDS`` or ``received SECONDS`` and answers ``MESSAGES SECONDS``. Whole: a message is
built and signed, recorded, posted, its signed receipt verified and recorded, as ``sendas2message`` does it. Received:
the messages were built before; only the recipient's half is in the time. Anything but success ends the program.
"""

import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import include, path


def see_two_digits() -> None:
    """oscrypto 1.3.0 does not find its way with an OpenSSL whose patch level has two digits (3.0.10 and later)."""
    search, theirs = re.search, r"\b(\d\.\d\.\d[a-z]*)\b"
    re.search = lambda pattern, *rest: search(r"\b(\d\.\d\.\d+[a-z]*)\b" if pattern == theirs else pattern, *rest)
    try:
        import oscrypto._openssl._libcrypto  # noqa: F401 - it looks when it is loaded
    finally:
        re.search = search


see_two_digits()
directory = Path(sys.argv[2] if "prepare" in sys.argv[1:2] else os.environ["AS2_DIRECTORY"])
settings.configure(
    SECRET_KEY="only for a measurement",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "pyas2"],
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"],
    MEDIA_ROOT=str(directory / "files"),
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(directory / "as2.sqlite"),
            "CONN_MAX_AGE": None,
            "OPTIONS": {"timeout": 30, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL"},
        }
    },
    LOGGING_CONFIG=None,
)
django.setup()
application = get_wsgi_application()
urlpatterns = [path("pyas2/", include("pyas2.urls"))]


def prepare(own: str, own_pem: str, other: str, other_pem: str, ca_pem: str, url: str) -> None:
    """Tables, an organisation with its key, a partner with its certificate."""
    from django.core.management import call_command
    from pyas2 import models

    (directory / "files").mkdir(parents=True)
    call_command("migrate", verbosity=0)
    key = models.PrivateKey.objects.create(name=own, key=Path(own_pem).read_bytes(), key_pass="")
    models.Organization.objects.create(name=own, as2_name=own, signature_key=key)
    certificate = models.PublicCertificate.objects.create(
        name=other, certificate=Path(other_pem).read_bytes(), certificate_ca=Path(ca_pem).read_bytes()
    )
    models.Partner.objects.create(
        name=other,
        as2_name=other,
        target_url=url,
        content_type="application/XML",
        signature="sha256",
        signature_cert=certificate,
        mdn=True,
        mdn_mode="SYNC",
        mdn_sign="sha256",
    )


class Sender:
    def __init__(self, letter: str) -> None:
        from pyas2 import models

        self.payload = Path(letter).read_bytes()
        self.messages = models.Message.objects
        self.organization = models.Organization.objects.get()
        self.partner = models.Partner.objects.get()

    def build(self) -> Any:
        from pyas2lib import Message

        message = Message(sender=self.organization.as2org, receiver=self.partner.as2partner)
        message.build(
            self.payload,
            filename="letter.xml",
            subject=self.partner.subject,
            content_type=self.partner.content_type,
            disposition_notification_to="no-reply@example.com",
        )
        return message

    def whole(self, seconds: float) -> tuple[int, float]:
        began, sent = time.monotonic(), 0
        while time.monotonic() - began < seconds:
            built = self.build()
            message, _ = self.messages.create_from_as2message(
                as2message=built, payload=self.payload, filename="letter.xml", direction="OUT", status="P"
            )
            message.send_message(built.headers, built.content)
            if message.status != "S" or not message.mdn.signed:
                raise SystemExit(f"not delivered: {message.status} {message.detailed_status}")
            sent += 1
        return sent, time.monotonic() - began

    def received(self, seconds: float) -> tuple[int, float]:
        import requests

        built = [self.build() for _ in range(int(100 * seconds))]
        session = requests.Session()
        began, sent = time.monotonic(), 0
        for message in built:
            answer = session.post(self.partner.target_url, headers=message.headers, data=message.content)
            if answer.status_code != 200 or b"automatic-action/MDN-sent-automatically; processed" not in answer.content:
                raise SystemExit(f"not received: {answer.status_code} {answer.content[:2000]!r}")
            sent += 1
            if time.monotonic() - began > seconds:
                break
        return sent, time.monotonic() - began


if __name__ == "__main__" and sys.argv[1] == "prepare":
    prepare(*sys.argv[3:])
elif __name__ == "__main__":
    sender = Sender(sys.argv[2])
    print("ready", flush=True)
    for line in sys.stdin:
        way, seconds = line.split()
        count, spent = getattr(sender, way)(float(seconds))
        print(count, spent, flush=True)
