"""Runs as python -m timeline_svc."""

from mesh.process import run
from timeline_svc.app import open_service
from timeline_svc.config import TimelineConfig

if __name__ == "__main__":
    run(open_service, TimelineConfig)
