const issuer = process.env.ISSUER ?? 'http://127.0.0.1:9000';

/** Returns the authorization server's claims about the user whose token came with the request. */
export async function GET(request) {
  const authorization = request.headers.get('authorization');
  if (!authorization) return new Response(null, { status: 401, headers: { 'www-authenticate': 'Bearer' } });
  const answer = await fetch(`${issuer}/userinfo`, { headers: { authorization }, cache: 'no-store' });
  if (!answer.ok) return new Response(null, { status: answer.status, headers: { 'www-authenticate': answer.headers.get('www-authenticate') ?? 'Bearer' } });
  const { name } = await answer.json();
  return Response.json({ name });
}
