"""Facts that travel upward from the fleet.

heartbeat_received  sent inside the heartbeat's transaction with `node_id`, `agent_instance_id`, `process_id`, `new_instance` (bool: the machine
                    or its data folder is another than before) and `active_jobs` [{"jobId", "claimEpoch", "phase", "bytesWritten"}], None = not said
"""

from django.dispatch import Signal

heartbeat_received = Signal()
