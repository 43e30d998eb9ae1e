/**
 * A script for the head of a page, before the application's:
 * `<script src="early.js" data-redirect-uri="/callback" data-module="/oauth2.wasm"></script>`. It
 * takes the server's reply out of the URL, so that no other script, link or log gets to see it, and
 * it asks for the module while the application is loading. The first client of the page uses both.
 * The script has to be a plain one: a deferred script or a module would run too late.
 *
 * `data-redirect-uri` is the registered one, or its path; without it the URL stays as it is.
 * `data-module` is where the module is served; without it, or where a bundler names the file,
 * `<link rel="preload" as="fetch" crossorigin>` does the same.
 */
import { type Early, KEY } from './handover.js';
import { withoutReply } from './reply.js';

const { redirectUri, module } = document.currentScript!.dataset;
const early: Early = {};
(globalThis as { [KEY]?: Early })[KEY] = early;
if (module) {
  early.module = fetch(module);
  early.module.catch(() => {}); // who needs it hears of it
}
if (redirectUri) {
  const url = location.href;
  const registered = new URL(redirectUri, url);
  if (location.origin === registered.origin && location.pathname === registered.pathname && /[?&](code|error|response)=/.test(location.search)) {
    early.reply = { url, asked: new Set(), taken: false };
    history.replaceState(history.state, '', withoutReply(url, registered.href));
  }
}
