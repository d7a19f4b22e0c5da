// Passkeys on the sign-in page: offered by the address field's autofill, or by the button.
// The answer goes to the server in a form, so that the session lands in a cookie that no script can read.

const form = document.getElementById("passkey");
const problem = document.getElementById("passkey-problem");
let waiting; // the quiet request behind the autofill; a second one needs it ended

async function options() {
  const answer = await fetch("/webauthn/login/options", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  if (!answer.ok) throw new Error("options");
  return answer.json();
}

async function ask(settings) {
  const { pending_id, publicKey } = await options();
  const credential = await navigator.credentials.get({
    publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey),
    ...settings,
  });
  form.elements.pending_id.value = pending_id;
  form.elements.response.value = JSON.stringify(credential);
  form.submit();
}

async function autofill() {
  if (!document.getElementById("email")) return; // nothing on this page that could be filled
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  waiting = new AbortController();
  await ask({ mediation: "conditional", signal: waiting.signal });
}

async function press() {
  waiting?.abort();
  problem.hidden = true;
  try {
    await ask({});
  } catch (error) {
    if (error.name !== "NotAllowedError" && error.name !== "AbortError") problem.hidden = false; // those are the person's own "no"
    autofill().catch(() => {});
  }
}

if (window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
  form.hidden = false;
  form.querySelector("button").addEventListener("click", press);
  autofill().catch(() => {});
}
