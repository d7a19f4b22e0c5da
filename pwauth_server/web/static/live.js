// The numbers of the last hour: asked for again every few seconds, drawn by the server each time.

const PAUSE = 5000; // milliseconds between two looks

async function look() {
  const answer = await fetch("/admin/live", { headers: { accept: "text/html" }, redirect: "manual" });
  if (!answer.ok) return answer.status === 0 || answer.status === 401 || answer.status === 403; // signed out: it is over
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    part.replaceChildren(...fresh.querySelector(`[data-live="${part.dataset.live}"]`).childNodes);
  }
  return false;
}

async function watch() {
  const isOver = !document.hidden && (await look().catch(() => false)); // a lost network comes back
  if (!isOver) setTimeout(watch, PAUSE);
}

setTimeout(watch, PAUSE);
