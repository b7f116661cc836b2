# SPDX-License-Identifier: MIT
"""manage.py notice TEXT: from a shell or a cron job to every browser."""
from django.core.management.base import BaseCommand

from notices.board import tell_everybody


class Command(BaseCommand):
    help = "Shows a notice in every browser that has the page open."

    def add_arguments(self, parser):
        parser.add_argument("text")

    def handle(self, *args, text, **options):
        tell_everybody(text)
