// A log that a person has scrolled up stays where it is; else it follows its end through every swap.
const followed = new Map();
const atEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < 24;

function rememberLogs() {
  for (const log of document.querySelectorAll("pre.log")) followed.set(log.id, atEnd(log) ? null : log.scrollTop);
}

function placeLogs() {
  for (const log of document.querySelectorAll("pre.log")) log.scrollTop = followed.get(log.id) ?? log.scrollHeight;
}

document.addEventListener("htmx:before:swap", rememberLogs);
document.addEventListener("htmx:after:settle", placeLogs);
placeLogs();
