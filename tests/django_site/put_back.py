"""Lets all calls of the tests' site have begun earlier; a program.

``python -m django_site.put_back TIME`` with a JSON object, the arguments of a ``timedelta``.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta


def main(time):
    import django
    from django.db.models import F

    django.setup()
    from rembg_plugins.django.models import Call

    Call.objects.update(began=F("began") - timedelta(**json.loads(time)))


if __name__ == "__main__":
    main(sys.argv[1])
