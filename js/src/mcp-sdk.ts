/**
 * The client of an MCP server as the MCP SDKs for TypeScript take it: `@modelcontextprotocol/client`
 * and `@modelcontextprotocol/sdk`. Neither is loaded by it.
 *
 * @packageDocumentation
 */
import type { CallOptions, Mcp, SignIn, Status } from './mcp.js';

/** What of `OAuthTokens` the transports read. */
export interface SdkTokens {
  access_token: string;
  token_type: string;
  scope?: string;
}

/** An `OAuthClientProvider` of either SDK. Nothing that an SDK wants kept is kept here. */
export interface SdkProvider {
  readonly redirectUrl: string;
  readonly clientMetadata: { redirect_uris: string[] };
  clientInformation(): { client_id: string };
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
  fetch: typeof fetch;
}

/** A server that nobody asks: the SDK's own sign-in ends at the provider, before a request. */
const NOWHERE = 'https://oauth2-wasm.invalid';

/**
 * The options of a `StreamableHTTPClientTransport` or `SSEClientTransport` for one MCP server.
 *
 * The transport gets its tokens from the client, which shares them with all processes of its store.
 * An SDK's own way through discovery, registration and tokens is not taken: as it begins, the
 * client's is. A transport with this `authProvider` but another `fetch` throws the SDK's
 * `UnauthorizedError` after a sign-in, as with any provider: connect again then. Its `finishAuth`
 * throws: {@link Mcp.finish} takes the URL that the user came back to.
 *
 * @param mcp of `openMcp`; its option `signIn` takes the user to the server and back
 * @param url the MCP server's
 */
export const sdkOptions = (mcp: Pick<Mcp, 'token' | 'challenged' | 'fetch' | 'signIn'>, url: string | URL): SdkOptions => {
  const resource = String(url);
  const token = () => mcp.token(resource);
  const authProvider: SdkProvider = {
    redirectUrl: `${NOWHERE}/`,
    clientMetadata: { redirect_uris: [`${NOWHERE}/`] },
    clientInformation: () => ({ client_id: NOWHERE }),
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
      return found ? { access_token: found.access_token, token_type: found.token_type, ...(found.scope === undefined ? {} : { scope: found.scope }) } : undefined;
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
      const wanted = scope ? `, scope="${scope}"` : '';
      const answer =
        sent && scope
          ? { url: resource, status: 403, headers: [['www-authenticate', `Bearer error="insufficient_scope"${wanted}`]] }
          : { url: resource, status: 401, headers: [['www-authenticate', `Bearer realm=""${wanted}`]] };
      const signIn = await mcp.challenged(answer as never, sent ? { sent } : {});
      if (signIn) await mcp.signIn?.(signIn);
    },
  };
  return { authProvider, fetch: (input, init) => mcp.fetch(input, init) };
};

export type { CallOptions, Mcp, SignIn, Status };
