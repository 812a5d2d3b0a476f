"""python -m engagement_svc."""

from engagement_svc.app import open_service
from engagement_svc.config import EngagementConfig
from mesh.process import run

if __name__ == "__main__":
    run(open_service, EngagementConfig)
