"""python -m user_svc: one process of the service that owns accounts."""

from mesh.process import run
from user_svc.app import open_service
from user_svc.config import UserConfig

if __name__ == "__main__":
    run(open_service, UserConfig)
