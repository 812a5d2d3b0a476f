"""python -m graph_svc."""

from graph_svc.app import open_service
from graph_svc.config import GraphConfig
from mesh.process import run

if __name__ == "__main__":
    run(open_service, GraphConfig)
