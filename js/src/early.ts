/**
 * A script for the head of a page, before the application's:
 * `<script src="early.js" data-redirect-uri="/callback" data-module="/oauth2.wasm"></script>`. It
 * takes the server's reply out of the URL, so that no other script, link or log gets to see it, and
 * it asks for the module while the application is loading. The first client of the page uses both.
 * The script has to be a plain one: a deferred script or a module would run too late.
 *
 * `data-redirect-uri` is the registered redirect URI, or its path; without it the URL is not
 * changed. `data-module` is the URL of the module; without it, or if a bundler names the file, use
 * `<link rel="preload" as="fetch" crossorigin>` instead.
 */
import { type Early, KEY } from './handover.js';
import { withoutReply } from './reply.js';

const { redirectUri, module } = document.currentScript!.dataset;
const early: Early = {};
(globalThis as { [KEY]?: Early })[KEY] = early;
if (module) {
  early.module = fetch(module);
  early.module.catch(() => {}); // whoever awaits it gets the error
}
if (redirectUri) {
  const url = location.href;
  const registered = new URL(redirectUri, url);
  if (location.origin === registered.origin && location.pathname === registered.pathname && /[?&](code|error|response)=/.test(location.search)) {
    early.reply = { url, asked: new Set(), taken: false };
    history.replaceState(history.state, '', withoutReply(url, registered.href));
  }
}
