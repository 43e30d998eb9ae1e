// Everything that a backend has to do, on every host (../hosts/README.md).
import { after, describe } from 'node:test';
import attacks from './attacks.mjs';
import bombs from './bombs.mjs';
import bounds from './bounds.mjs';
import browser from './browser.mjs';
import clientKey from './client-key.mjs';
import cuts from './cuts.mjs';
import dpop from './dpop.mjs';
import events from './events.mjs';
import exchange from './exchange.mjs';
import flow from './flow.mjs';
import forgeries from './forgeries.mjs';
import formPost from './form-post.mjs';
import health from './health.mjs';
import logout from './logout.mjs';
import navigation from './navigation.mjs';
import refusals from './refusals.mjs';
import rotation from './rotation.mjs';
import smuggling from './smuggling.mjs';
import sockets from './sockets.mjs';
import stop from './stop.mjs';
import storage from './storage.mjs';

const parts = {
  flow,
  dpop,
  'client-key': clientKey,
  'form-post': formPost,
  exchange,
  refusals,
  cuts,
  bounds,
  storage,
  logout,
  forgeries,
  attacks,
  smuggling,
  bombs,
  navigation,
  events,
  sockets,
  health,
  rotation,
  stop,
  browser,
};

/** The parts that depend on the HTTP server: for frameworks on a host that runs the whole suite. */
export const wire = ['flow', 'refusals', 'cuts', 'bounds', 'forgeries', 'attacks', 'smuggling', 'bombs', 'health', 'stop'];

/** Registers the tests for a host. SUITE names one part, to run only that. */
export const suite = (host, names = Object.keys(parts), own = undefined) => {
  describe(host.name, () => {
    for (const name of names) {
      const part = parts[name];
      if (!process.env.SUITE || process.env.SUITE === name) describe(`${host.name} ${name}`, () => part(host));
    }
    if (own && (!process.env.SUITE || process.env.SUITE === 'own')) describe(`${host.name} own`, () => own(host));
    // A connection that a killed process left half open must not keep this one alive.
    after(() => setTimeout(() => process.exit(), 5_000).unref());
  });
};
