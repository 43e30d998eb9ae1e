// A Worker for token exchange without any library: it checks the caller's secret, sends one
// request, and passes the answer on without checking it.
export class Sessions {} // the configuration requires one

export default {
  async fetch(request, { BFF: { client, callers }, CLIENT_SECRET }) {
    const form = new URLSearchParams(await request.text());
    const [caller] = callers;
    const digest = btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(form.get('client_secret'))))));
    const known = form.get('client_id') === caller.client_id && digest.replaceAll('+', '-').replaceAll('/', '_').replace('=', '') === caller.secret_sha256;
    if (!known) return Response.json({ error: 'invalid_client' }, { status: 401 });
    if (!caller.audience.includes(form.get('audience'))) return Response.json({ error: 'invalid_target' }, { status: 400 });
    const body = new URLSearchParams();
    for (const name of ['grant_type', 'subject_token', 'subject_token_type', 'audience']) body.set(name, form.get(name));
    body.set('scope', caller.scope);
    const authorization = `Basic ${btoa(`${client.client_id}:${CLIENT_SECRET}`)}`;
    const answer = await fetch(client.token_endpoint, { method: 'POST', headers: { authorization }, body, redirect: 'manual' });
    const { access_token, issued_token_type, token_type, expires_in, scope } = await answer.json();
    return Response.json({ access_token, issued_token_type, token_type, expires_in, scope }, { headers: { 'cache-control': 'no-store' } });
  },
};
