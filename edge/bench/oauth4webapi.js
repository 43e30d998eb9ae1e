// The same with npm oauth4webapi, which checks the answer as the RFCs require.
import * as oauth from 'oauth4webapi';

export class Sessions {} // the configuration requires one

export default {
  async fetch(request, { BFF: { client, callers }, CLIENT_SECRET }) {
    const form = new URLSearchParams(await request.text());
    const [caller] = callers;
    const digest = btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(form.get('client_secret'))))));
    const known = form.get('client_id') === caller.client_id && digest.replaceAll('+', '-').replaceAll('/', '_').replace('=', '') === caller.secret_sha256;
    if (!known) return Response.json({ error: 'invalid_client' }, { status: 401 });
    if (!caller.audience.includes(form.get('audience'))) return Response.json({ error: 'invalid_target' }, { status: 400 });
    const server = { issuer: client.issuer, token_endpoint: client.token_endpoint };
    const me = { client_id: client.client_id };
    const parameters = new URLSearchParams();
    for (const name of ['subject_token', 'subject_token_type', 'audience']) parameters.set(name, form.get(name));
    parameters.set('scope', caller.scope);
    const answer = await oauth.genericTokenEndpointRequest(server, me, oauth.ClientSecretBasic(CLIENT_SECRET), form.get('grant_type'), parameters, {
      [oauth.allowInsecureRequests]: true,
    });
    const { access_token, issued_token_type, token_type, expires_in, scope } = await oauth.processGenericTokenEndpointResponse(server, me, answer);
    return Response.json({ access_token, issued_token_type, token_type, expires_in, scope }, { headers: { 'cache-control': 'no-store' } });
  },
};
