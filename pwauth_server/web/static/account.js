// Passkeys on the account page: add one, and tell the browser which ones still count.

const place = document.getElementById("add-passkey");
const problem = document.getElementById("passkey-problem");

async function send(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: { "content-type": "application/json", accept: "application/json" },
    body: body && JSON.stringify(body),
  });
  const content = await answer.json();
  if (answer.ok) return content;
  // A session that is too old or too weak for this proves itself once more, and comes back.
  if (content.error === "insufficient_user_authentication") location.assign("/account/confirm?return_to=/account");
  throw new Error(content.error);
}

async function add() {
  problem.hidden = true;
  try {
    const { pending_id, publicKey } = await send("POST", "/webauthn/register/options", {});
    const options = PublicKeyCredential.parseCreationOptionsFromJSON(publicKey);
    const credential = await navigator.credentials.create({ publicKey: options });
    await send("POST", "/webauthn/register/complete", { pending_id, response: credential.toJSON() });
    location.assign("/account?said=passkey_added");
  } catch (error) {
    if (error.name !== "NotAllowedError" && error.name !== "AbortError") problem.hidden = false; // those are the person's own "no"
  }
}

// A passkey that was removed here would still be offered by the browser, and fail (WebAuthn L3 section 5.1.10).
async function tell() {
  if (!PublicKeyCredential.signalAllAcceptedCredentials) return;
  const { rpId, userId, allAcceptedCredentialIds } = await send("GET", "/webauthn/credentials");
  if (userId) await PublicKeyCredential.signalAllAcceptedCredentials({ rpId, userId, allAcceptedCredentialIds });
}

if (window.PublicKeyCredential?.parseCreationOptionsFromJSON) {
  place.hidden = false;
  place.querySelector("button").addEventListener("click", add);
  tell().catch(() => {});
}
