from .health import check_health as check_health
from .health import find_unfinished_work as find_unfinished_work
from .health import require_sandbox as require_sandbox
from .watcher import Watch as Watch
from .watcher import hold_workspace_lock as hold_workspace_lock
