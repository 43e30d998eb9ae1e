// A page without tokens: it only sends its requests with a header that no other site can send.
const at = (name) => document.querySelector(`[data-testid="${name}"]`);

const ask = (path, init) => fetch(path, { ...init, headers: { 'x-csrf': '1' } });

const rows = (list, entries) =>
  list.replaceChildren(
    ...entries.map(([name, value]) => {
      const row = document.createElement('div');
      for (const [tag, text] of [
        ['dt', name],
        ['dd', value],
      ])
        row.appendChild(document.createElement(tag)).textContent = text;
      return row;
    }),
  );

const time = (ms) => new Date(ms).toLocaleTimeString();

const complain = (text) => {
  at('alert').textContent = text ?? '';
  at('alert').hidden = !text;
};

/** A waiting button says so, accepts no second click, and keeps the keyboard focus. */
const busy = (button, on) => (on ? button.setAttribute('aria-busy', 'true') : button.removeAttribute('aria-busy'));

/** Says in words for the user why something did not work. */
const why = async (response) => {
  const { error, error_description } = await response.json().catch(() => ({}));
  return error_description ?? `The answer was ${error ?? response.status}.`;
};

/** Shows who is signed in. */
const show = (session) => {
  at('state').textContent = session ? 'Signed in' : 'Not signed in';
  at('state').toggleAttribute('data-in', Boolean(session));
  at('sign-in').hidden = Boolean(session);
  at('sign-out').hidden = !session;
  at('call').disabled = !session;
  at('claims').hidden = !session;
  if (!session) {
    at('token').hidden = at('notes').hidden = true;
    token = undefined;
    return;
  }
  const { name, email, sub, iss } = session.claims;
  const known = [
    ['Name', name],
    ['E-mail', email],
    ['Subject', sub],
    ['Said by', iss],
    ['Until', new Date(session.expires_at).toLocaleString()],
  ];
  rows(
    at('claims'),
    known.filter(([, value]) => value),
  );
};

const whoAmI = async () => {
  try {
    const response = await ask('/auth/session');
    if (!response.ok && response.status !== 401) complain(await why(response));
    const session = response.ok ? await response.json() : undefined;
    show(session?.claims ? session : undefined); // with anonymous_status 200, claims are null if nobody is signed in
  } catch {
    show();
    complain('The Worker cannot be reached.');
  }
};

/** What the API said about the token that it got. */
let token;
let renewed = 0;

const tick = () => {
  if (!token) return;
  const left = token.expires_at - Date.now();
  const times = renewed ? `, renewed ${renewed === 1 ? 'once' : `${renewed} times`} behind the scenes` : '';
  at('token-text').textContent =
    `Token of ${time(token.issued_at)}${times}; ${left > 0 ? `good for ${Math.ceil(left / 1000)} s` : 'over: the next call gets another'}.`;
  at('token').querySelector('progress').value = Math.max(0, left / (token.expires_at - token.issued_at));
};
setInterval(tick, 1000);

const call = async () => {
  complain();
  busy(at('call'), true);
  try {
    const response = await ask('/api/notes');
    if (response.status === 401) return await whoAmI();
    if (!response.ok) return complain(await why(response));
    const { notes, issued_at, expires_at } = await response.json();
    if (token && token.issued_at !== issued_at) renewed += 1;
    token = { issued_at, expires_at };
    at('notes').replaceChildren(...notes.map((text) => Object.assign(document.createElement('li'), { textContent: text })));
    at('token').hidden = at('notes').hidden = false;
    at('said').textContent = `The API answered with ${notes.length} notes.`;
    tick();
  } catch {
    complain('The Worker cannot be reached.');
  } finally {
    busy(at('call'), false);
  }
};

const signOut = async () => {
  complain();
  busy(at('sign-out'), true);
  try {
    const response = await ask('/auth/logout?return_to=%2F', { method: 'POST' });
    if (!response.ok) return complain(await why(response));
    const { url } = await response.json();
    // The session at the authorization server is separate: it is ended there.
    if (url) location.assign(url);
    else await whoAmI();
  } catch {
    complain('The Worker cannot be reached.');
  } finally {
    busy(at('sign-out'), false);
  }
};

const look = async () => {
  const databases = (await indexedDB.databases?.()) ?? [];
  rows(at('sees'), [
    ['Cookies', document.cookie || 'none'],
    ['localStorage', localStorage.length ? Object.keys(localStorage).join(', ') : 'empty'],
    ['sessionStorage', sessionStorage.length ? Object.keys(sessionStorage).join(', ') : 'empty'],
    ['IndexedDB', databases.length ? databases.map(({ name }) => name).join(', ') : 'empty'],
  ]);
};

const here = new URL(location.href);
const error = here.searchParams.get('error');
if (here.search) history.replaceState(null, '', here.pathname);
/**
 * Texts for the codes that the Worker puts into the URL. Anybody can write a link, so the page
 * never shows text from the URL.
 */
const words = {
  access_denied: 'You did not allow it, so nobody was signed in.',
  unknown_attempt: 'That link answers no sign-in of this browser, or one of too long ago. Nothing was changed.',
  not_signed_in: 'You are not signed in.',
  attempt_expired: 'That took too long. Sign in once more.',
  too_many_attempts: 'Too many sign-ins were begun at once. Try again in a moment.',
  already_used: 'That reply was used before. Nothing was changed.',
  temporarily_unavailable: 'The server has a problem. Try again in a moment.',
  server_error: 'The server has a problem. Try again in a moment.',
};
if (error) complain(Object.hasOwn(words, error) ? words[error] : 'Signing in did not work. Try again; if it stays so, tell those who run this page.');
const unlessBusy = (button, work) => button.addEventListener('click', () => button.hasAttribute('aria-busy') || work());
unlessBusy(at('call'), call);
unlessBusy(at('sign-out'), signOut);
await whoAmI();
await look();
