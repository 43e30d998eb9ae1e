/**
 * The client of an MCP server as the MCP SDKs for TypeScript take it:
 * `@modelcontextprotocol/client` and `@modelcontextprotocol/sdk`. Neither is loaded by it.
 *
 * @packageDocumentation
 */
import type { Mcp, SignIn } from './mcp.js';

/** What of `OAuthTokens` the transports read. */
export interface SdkTokens {
  access_token: string;
  token_type: string;
  scope?: string;
  issuer: string;
}

/** An `OAuthClientProvider` of either SDK. Nothing that an SDK wants kept is kept here. */
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

/** What a transport of an SDK takes as its options. */
export interface SdkOptions {
  /** The transport's `authProvider`. */
  authProvider: SdkProvider;
  /**
   * The transport's `fetch`: it signs requests, and after a 401 or 403 it refreshes, or signs in
   * and sends the request again, before the transport hears of it.
   */
  fetch(input: string | URL, init?: RequestInit): Promise<Response>;
}

/** A server that nobody asks: the SDK's own sign-in ends at the provider, before a request. */
const NOWHERE = 'https://oauth2-wasm.invalid';

/**
 * The options of a `StreamableHTTPClientTransport` or `SSEClientTransport` for one MCP server.
 *
 * The transport gets its tokens from the client, which shares them with all processes of its store.
 * An SDK's own way through discovery, registration and tokens is not taken: where it would begin,
 * the client's does.
 *
 * @param mcp of `openMcp`; its option `signIn` takes the user to the server and back
 * @param url the MCP server's
 * @param signIn the same, for a transport that is given the `authProvider` alone. It throws the
 * SDK's `UnauthorizedError` after a sign-in: connect again then. Its `finishAuth` is for no such
 * provider; {@link Mcp.finish} takes the URL that the user came back to
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
      // All that the SDK says of the server's challenge is in the URL that it made.
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
      headers.delete('authorization'); // the transport's: it would stay as it is when the token is renewed
      return mcp.fetch(input, { ...init, headers });
    },
  };
};
