// A page with npm oidc-client-ts, which the test controls from outside. The same page finishes a
// silent renewal in a frame.
const here = location.origin + location.pathname;

/** A manager with the test's settings. */
window.manager = (settings) => {
  const { dpop, ...rest } = settings;
  return new oidc.UserManager({
    client_id: 'app',
    redirect_uri: here,
    post_logout_redirect_uri: here,
    silent_redirect_uri: here,
    scope: 'openid profile email',
    automaticSilentRenew: false,
    ...rest,
    ...(dpop && { dpop: { bind_authorization_code: true, store: new oidc.IndexedDbDPoPStore() } }),
  });
};

if (window !== window.top) void new oidc.UserManager({ authority: '', client_id: '', redirect_uri: here }).signinSilentCallback();
