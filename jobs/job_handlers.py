"""The sweeps of this app and of the one below it, which cannot know of sweeps."""

from accounts.retention import forget_what_is_old
from jobs.reaping import delete_old_files, reap_expired, ring_forgotten
from jobs.sweeps import sweep

sweep("expired leases", every=0)(reap_expired)
sweep("forgotten doorbells", every=0)(ring_forgotten)
sweep("old files of jobs", every=3600)(delete_old_files)


@sweep("what is kept about people for a while", every=3600)
def forget_people() -> int:
    return sum(forget_what_is_old().values())
