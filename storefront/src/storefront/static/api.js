// Sends commands to the API, and turns its answers into values and errors.

const ATTEMPTS = 8;
const TIMEOUT_MS = 10_000;
const UNAUTHORIZED = 401;
let signInAgain = () => Promise.resolve(false);

/** The API has refused a command. `problem` is its problem document (RFC 9457). */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail);
    this.status = status;
    this.code = (problem.type ?? "").split(":").pop();
    this.errors = problem.errors ?? [];
  }
}

/** The API has done nothing, because nobody is signed in, and the person did not sign in when we asked. */
export class NotSignedIn extends Error {
  constructor() {
    super("You are signed out. Nothing was done.");
  }
}

/** The API did not answer, or said that it could not do it now. Nobody knows whether the command was done. */
export class NoAnswer extends Error {
  constructor() {
    super(NoAnswer.TRY_AGAIN);
  }
}

NoAnswer.TRY_AGAIN = "The shop does not answer now. Try again in a moment.";

/** What a page says while `send` repeats a command. */
export const TRYING_AGAIN = "The shop does not answer yet. Trying again…";

/** `ask` lets the person sign in, and returns whether they have. Commands that are answered 401 call it. */
export function whenSignedOut(ask) {
  signInAgain = ask;
}

/**
 * Send a command, and return the body of the answer (or null).
 *
 * If the answer is 503, or that the shop still works on the same command, or if there is none, the command is sent again,
 * for about 20 s. But only if it is safe to send it twice: if it has a `key` (the API then answers a repeated command like
 * the first one), if it is no POST, or if `repeatable` says so. `onRetry` is called before each repeat.
 *
 * If the answer is 401, the person is asked to sign in, and the same command is sent again. With `asks: false`, the 401 is
 * an error like others: the password was wrong.
 */
export async function send(method, path, body, options = {}) {
  const { key, onRetry, repeatable = Boolean(key) || method !== "POST", asks = true } = options;
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  for (let attempt = 1; ; attempt += 1) {
    let response = await attemptOnce(method, path, headers, body);
    while (asks && response?.status === UNAUTHORIZED) {
      if (!(await signInAgain())) throw new NotSignedIn();
      response = await attemptOnce(method, path, headers, body);
    }
    if (response && response.status !== 503 && !(await isUnderWay(response))) return await read(response);
    if (attempt === ATTEMPTS || !repeatable) throw new NoAnswer();
    onRetry?.();
    await new Promise((resolve) => setTimeout(resolve, Math.min(250 * 2 ** attempt, 4000)));
  }
}

async function attemptOnce(method, path, headers, body) {
  try {
    const content = body === undefined ? undefined : JSON.stringify(body);
    return await fetch(path, { method, headers, body: content, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    return null;
  }
}

async function isUnderWay(response) {
  return response.status === 409 && (await response.clone().text()).includes(":request-in-flight");
}

async function read(response) {
  const text = await response.text();
  let content = null;
  try {
    content = text ? JSON.parse(text) : null;
  } catch {
    content = null;
  }
  if (response.ok) return content;
  throw new Refused(response.status, content ?? { detail: "The shop gave an answer that this page does not understand." });
}

/** Return a new key for a command. The same command, sent again, must have the same key. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (each) => each.toString(16).padStart(2, "0")).join("");
}

/**
 * Remember what a command has changed, for the next pages: they wait until they can show at least this version.
 * `kind` is `ticket`, `order` or `payment`.
 */
export function remember(kind, id, version) {
  const found = document.cookie.match(/(?:^|; )seen=([^;]*)/);
  const parts = (found ? found[1].split(".") : []).filter((part) => part && !part.startsWith(`${kind}-${id}-`));
  parts.push(`${kind}-${id}-${version}`);
  document.cookie = `seen=${parts.slice(-3).join(".")}; path=/; max-age=10; samesite=lax`;
}
