from .health import require_sandbox as require_sandbox
from .watcher import Watch as Watch
