"""What the end of an engine child means, in words."""

import signal

from django.utils.translation import gettext as _

from jobs.failures import JobFailed, JobRetry

# The engine's own code for: stopped by SIGTERM, after a checkpoint it can resume from.
STOPPED_AFTER_CHECKPOINT = 3


def failure_for(code: int, *, last_line: str) -> JobFailed:
    """The failure for an exit that nobody here asked for and that came without words of its own."""
    if code in {-signal.SIGKILL, 128 + signal.SIGKILL}:
        return JobFailed(
            _("The process was killed (exit %(code)d): most likely the machine ran out of memory.")
            % {"code": code},
            _("Choose a smaller batch, shorter texts or a smaller model, or a machine with more memory."),
        )
    if code in {STOPPED_AFTER_CHECKPOINT, -signal.SIGTERM}:
        return JobRetry(
            _("The process was stopped from outside (exit %(code)d).") % {"code": code},
            _("Start it again: it resumes from its last checkpoint."),
        )
    if code < 0:
        return JobFailed(
            _("The process crashed with %(signal)s.") % {"signal": _signal_name(-code)},
            _("This is a defect of a library or of the machine. The end of the log may say more."),
        )
    reason = _("The process ended with code %(code)d.") % {"code": code}
    if last_line:
        reason = _("The process ended with code %(code)d: %(line)s") % {"code": code, "line": last_line[:300]}
    return JobFailed(reason, _("The end of the log says what it was doing."))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
