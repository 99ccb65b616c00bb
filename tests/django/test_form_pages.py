"""What the page on forms shows is a site that works."""

from __future__ import annotations

from django_site.project import FILES, SETTINGS, Project, files_in
from doc_pages import DOCS

PAGE = DOCS / "how-to" / "django-forms.md"

WITH_ADMIN = """
INSTALLED_APPS += [
    *("django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes"),
    *("django.contrib.messages", "django.contrib.sessions"),
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES[0]["OPTIONS"]["context_processors"].append(
    "django.contrib.messages.context_processors.messages"
)
"""
URLS = """
from django.contrib import admin
from django.http import HttpResponse
from django.urls import path

from shop.views import offer

urlpatterns = [
    path("admin/", admin.site.urls),
    path("offer/", offer),
    path("thanks/", lambda request: HttpResponse("Thanks"), name="thanks"),
]
"""
VISIT = """
from core.pictures import encoded
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rembg_plugins.django.models import Call
from shop.forms import Products, ProxiedProductForm
from shop.models import Product

def send(number, address="192.0.2.1"):
    photo = SimpleUploadedFile("a.png", encoded("PNG", size=(20, 10 + number)))
    return Client(REMOTE_ADDR=address).post("/offer/", {"name": "A", "photo": photo})

statuses = [send(number).status_code for number in range(6)] + [send(5, "192.0.2.2").status_code]
print(statuses, Product.objects.count(), Call.objects.count())
print("as many pictures as one may" in send(6).content.decode())
request = Client(HTTP_X_REAL_IP="192.0.2.3").get("/offer/").wsgi_request
print(ProxiedProductForm(request=request).visitor.who)
print(Products(form_kwargs={"request": request}).is_valid())
"""

CROWD = """
import threading
from collections import Counter

from core.pictures import encoded
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from rembg_plugins.django.models import Call

statuses = Counter()
start = threading.Barrier(8)

def send(number):
    photo = SimpleUploadedFile("a.png", encoded("PNG", size=(20, 10 + number)))
    start.wait()
    statuses[Client().post("/offer/", {"name": "A", "photo": photo}).status_code] += 1
    connection.close()

threads = [threading.Thread(target=send, args=[number]) for number in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sorted(statuses.items()), Call.objects.count())
"""


def test_the_forms_of_the_page_work(tmp_path):
    project = site_of(tmp_path)
    assert project.python(VISIT).splitlines() == [
        "[302, 302, 302, 302, 302, 200, 302] 6 6",
        "True",
        "form:192.0.2.3",
        "False",
    ]


def test_no_visitor_gets_past_the_bound_by_sending_at_once(tmp_path):
    assert site_of(tmp_path).python(CROWD) == "[(200, 3), (302, 5)] 5"


def site_of(folder):
    page = files_in(PAGE)
    parts = [name for name in page if name.startswith("shop/forms.py")]
    files = {
        "mysite/settings.py": SETTINGS + WITH_ADMIN,
        "mysite/urls.py": URLS,
        "shop/admin.py": page["shop/admin.py"],
        "shop/forms.py": "\n\n".join(page[name] for name in parts),
        "shop/templates/shop/offer.html": "{{ form.as_p }}",
        "shop/views.py": page["shop/views.py"],
    }
    assert set(page) == {*parts, *files} & set(page)
    assert FILES.keys() & page.keys() == set()
    project = Project(folder, files)
    project.manage("migrate", "--run-syncdb", "--verbosity", "0")
    return project
