// The page that waits for its letter: tells what became of it, and comes in when another device lets it.

const PAUSE = 2000; // milliseconds between two looks
const enter = document.getElementById("enter");
const state = document.getElementById("state");
const again = document.getElementById("again");

async function look() {
  const answer = await fetch("/signin/state", { headers: { accept: "application/json" } });
  if (!answer.ok) return true;
  const now = await answer.json();
  if (!now.is_live) {
    location.reload();
    return false;
  }
  if (now.is_approved) {
    enter.submit();
    return false;
  }
  if (state.textContent !== now.text) state.textContent = now.text; // read aloud only when it changes
  return true;
}

async function wait() {
  const goOn = document.hidden || (await look().catch(() => true)); // a lost network comes back
  if (goOn) setTimeout(wait, PAUSE);
}

function coolDown() {
  const button = again.querySelector("button");
  button.disabled = true;
  setTimeout(() => { button.disabled = false; }, Number(again.dataset.wait) * 1000);
}

if (again && Number(again.dataset.wait) > 0) coolDown();
if (state) wait();
