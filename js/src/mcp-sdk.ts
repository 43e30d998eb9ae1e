/**
 * The client of an MCP server for the MCP SDKs for TypeScript, `@modelcontextprotocol/client` and
 * `@modelcontextprotocol/sdk`. It loads neither of them.
 *
 * @packageDocumentation
 */
import type { Mcp, SignIn } from './mcp.js';

/** The part of `OAuthTokens` that the transports read. */
export interface SdkTokens {
  access_token: string;
  token_type: string;
  scope?: string;
  issuer: string;
}

/** An `OAuthClientProvider` of either SDK. It stores nothing for the SDK. */
export interface SdkProvider {
  readonly redirectUrl: string;
  readonly clientMetadata: { redirect_uris: string[] };
  clientInformation(): { client_id: string; issuer: string };
  discoveryState(): SdkDiscovery;
  validateResourceURL(): Promise<undefined>;
  tokens(): Promise<SdkTokens | undefined>;
  saveTokens(): void;
  redirectToAuthorization(url: URL): Promise<void>;
  saveCodeVerifier(): void;
  codeVerifier(): string;
}

/** An `OAuthDiscoveryState` of either SDK. */
export interface SdkDiscovery {
  authorizationServerUrl: string;
  authorizationServerMetadata: {
    issuer: string;
    authorization_endpoint: string;
    token_endpoint: string;
    response_types_supported: string[];
    code_challenge_methods_supported: string[];
  };
  resourceMetadata: { resource: string };
}

/** The options of an SDK's transport. */
export interface SdkOptions {
  /** The transport's `authProvider`. */
  authProvider: SdkProvider;
  /**
   * The transport's `fetch`: it signs requests, and after a 401 or 403 it refreshes, or signs in
   * and sends the request again, before the transport gets the answer.
   */
  fetch(input: string | URL, init?: RequestInit): Promise<Response>;
}

/**
 * A server that gets no request: the SDK's own sign-in ends at the provider, before it sends one.
 */
const NOWHERE = 'https://oauth2-wasm.invalid';

/**
 * The options of a `StreamableHTTPClientTransport` or `SSEClientTransport` for one MCP server.
 *
 * The transport gets its tokens from the client, which shares them with all processes of its store.
 * It replaces the SDK's own discovery, registration and token requests with those of the client.
 *
 * @param mcp of `openMcp`; its option `signIn` takes the user to the server and back
 * @param url the URL of the MCP server
 * @param signIn the same, for a transport that gets only the `authProvider`. After a sign-in that
 * transport throws the SDK's `UnauthorizedError`; then connect again. Do not use its `finishAuth`:
 * {@link Mcp.finish} takes the URL to which the user came back
 */
export const sdkOptions = (mcp: Pick<Mcp, 'token' | 'challenged' | 'fetch'>, url: string | URL, signIn?: (signIn: SignIn) => Promise<unknown>): SdkOptions => {
  const resource = String(url);
  const token = () => mcp.token(resource);
  const authProvider: SdkProvider = {
    redirectUrl: `${NOWHERE}/`,
    clientMetadata: { redirect_uris: [`${NOWHERE}/`] },
    clientInformation: () => ({ client_id: NOWHERE, issuer: NOWHERE }),
    discoveryState: () => ({
      authorizationServerUrl: NOWHERE,
      authorizationServerMetadata: {
        issuer: NOWHERE,
        authorization_endpoint: `${NOWHERE}/authorize`,
        token_endpoint: `${NOWHERE}/token`,
        response_types_supported: ['code'],
        code_challenge_methods_supported: ['S256'],
      },
      resourceMetadata: { resource },
    }),
    validateResourceURL: async () => undefined,
    async tokens() {
      const found = await token();
      if (!found) return undefined;
      const { access_token, token_type, scope } = found;
      return { access_token, token_type, ...(scope === undefined ? {} : { scope }), issuer: NOWHERE };
    },
    saveTokens() {},
    saveCodeVerifier() {},
    codeVerifier() {
      throw new Error('oauth2-wasm: mcp-sdk: finishAuth is not for this provider; Mcp.finish takes the URL that the user came back to');
    },
    async redirectToAuthorization(begun) {
      // The SDK passes the server's challenge only in the URL that it built.
      const scope = begun.searchParams.get('scope');
      const held = await token();
      const sent = held ? `${held.token_type} ${held.access_token}` : undefined;
      const [status, error] = sent && scope ? [403, 'insufficient_scope'] : [401, 'invalid_token'];
      const challenge = `Bearer error="${error}"${scope ? `, scope="${scope}"` : ''}`;
      const answer = { url: resource, status, headers: { 'www-authenticate': challenge } };
      const needed = await mcp.challenged(answer, { sent });
      if (needed) await signIn?.(needed);
    },
  };
  return {
    authProvider,
    fetch(input, init) {
      const headers = new Headers(init?.headers);
      headers.delete('authorization'); // the transport set it: it would not change when the token is refreshed
      return mcp.fetch(input, { ...init, headers });
    },
  };
};
