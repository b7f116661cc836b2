# SPDX-License-Identifier: MIT
"""A page, and the form that it sends."""
from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_POST

from notices.board import tell_everybody


def page(request):
    return render(request, "notices.html", {"web_sockets": settings.WEB_SOCKETS})


@require_POST
def post(request):
    tell_everybody(request.POST["text"])
    return HttpResponse(status=204)


urlpatterns = [path("", page), path("notices/", post)]
