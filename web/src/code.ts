import type { Config } from '../../js/src/index.js';

/** What the user has configured on the page. */
export interface Choice {
  /** The name of a preset, if one is used, and its content. */
  preset?: string;
  members?: object;
  variables: Record<string, string>;
  issuer: string;
  client_id: string;
  scope: string;
  dpop: boolean;
  redirect_uri: string;
}

/** The languages in which the configuration is written. */
export type Language = 'TypeScript' | 'React' | 'Go' | 'Worker' | 'Terminal';

const text = (value: string) => `'${JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;

const members = ({ preset, variables, issuer, client_id, scope, dpop, redirect_uri }: Choice, indent: string): string =>
  [
    preset ? `...${preset},` : `issuer: ${text(issuer)},`,
    !preset && 'discovery: true,',
    preset && "token_endpoint_auth_method: 'none', // a page has no secret",
    preset &&
      Object.keys(variables).length > 0 &&
      `variables: { ${Object.entries(variables)
        .map(([name, value]) => `${name}: ${text(value)}`)
        .join(', ')} },`,
    `client_id: ${text(client_id)},`,
    `redirect_uri: ${text(redirect_uri)}, // register your own`,
    `scope: ${text(scope)},`,
    dpop && 'dpop: true,',
  ]
    .filter(Boolean)
    .map((line) => indent + line)
    .join('\n');

const presetImport = ({ preset }: Choice) => (preset ? `import { ${preset} } from 'oauth2-wasm/presets';\n` : '');

const typescript = (choice: Choice): string => `import { openClient } from 'oauth2-wasm';
${presetImport(choice)}
const client = await openClient({
${members(choice, '  ')}
});

await client.handleRedirect(); // finishes the sign-in when the user comes back
if (client.current?.status !== 'granted') {
  await client.signIn(); // leaves for the server
}
console.log(client.current?.claims);
`;

const react = (choice: Choice): string => `import { openClient } from 'oauth2-wasm';
${presetImport(choice)}import { AuthProvider, createAuth, useAuth, useUser } from 'oauth2-wasm/react';

const auth = createAuth(() =>
  openClient({
${members(choice, '    ')}
  }),
);

function Account() {
  const { signIn, signOut } = useAuth();
  const user = useUser();
  return user ? <button onClick={() => signOut()}>Sign out {user.sub}</button> : <button onClick={() => signIn()}>Sign in</button>;
}

export default function App() {
  return (
    <AuthProvider auth={auth}>
      <Account />
    </AuthProvider>
  );
}
`;

const go = ({ preset, variables, issuer, client_id, scope, dpop }: Choice): string => {
  const q = JSON.stringify;
  const literal = [
    `\t\tIssuer: ${q(issuer)}, Discovery: true,`,
    `\t\tClientID: ${q(client_id)}, RedirectURI: "http://127.0.0.1:8085/callback",`,
    `\t\tScope: ${q(scope)},`,
    dpop && '\t\tDPoP: true,',
  ];
  const config = preset
    ? `	config, err := presets.Config(${q(preset)}, map[string]string{${Object.entries(variables)
        .map(([name, value]) => `${q(name)}: ${q(value)}`)
        .join(', ')}})
	if err != nil {
		log.Fatal(err)
	}
	config.ClientID, config.RedirectURI, config.Scope = ${q(client_id)}, "http://127.0.0.1:8085/callback", ${q(scope)}
	config.TokenEndpointAuthMethod${dpop ? ', config.DPoP' : ''} = oauth.AuthNone${dpop ? ', true' : ''}`
    : `	config := oauth.Config{
${literal.filter(Boolean).join('\n')}
	}`;
  return `package main

import (
	"context"
	"fmt"
	"log"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
${preset ? '\t"github.com/oauth2-wasm/oauth2-wasm/core/oauth/presets"\n' : ''}	"github.com/oauth2-wasm/oauth2-wasm/wasm"
)

func main() {
	ctx := context.Background()
${config}
	client, err := wasm.Open(ctx, config, wasm.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	begun, err := client.Authorize(ctx, oauth.AuthorizeParams{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("open:", begun.URL)
}
`;
};

const worker = ({ issuer, client_id, scope, dpop, members, variables }: Choice): string =>
  `// edge/wrangler.jsonc; the secret by \`npx wrangler secret put CLIENT_SECRET\`
"vars": ${JSON.stringify(
    {
      BFF: {
        base: 'https://app.example.com/auth',
        client: {
          ...(members ? { ...members, ...(Object.keys(variables).length > 0 && { variables }) } : { issuer, discovery: true }),
          client_id,
          scope,
          ...(dpop && { dpop }),
        },
        proxy: [{ path: '/api', target: 'https://api.example.com' }],
      },
    },
    null,
    2,
  )}
`;

const quoted = (value: string) => `'${value.replaceAll("'", `'\\''`)}'`;

const terminal = ({ preset, issuer, client_id, scope }: Choice): string =>
  `# in a checkout of oauth2-wasm; its tokens are for other programs, so no key binds them
go run ./wasm/cmd/oauth2-token ${preset ? `-provider ${preset}` : `-issuer ${quoted(issuer)}`} -client-id ${quoted(client_id)} -scope ${quoted(scope)} login
`;

/** Writes a configuration as code, for each kind of reader. */
export const codeFor: Record<Language, (choice: Choice) => string> = { TypeScript: typescript, React: react, Go: go, Worker: worker, Terminal: terminal };

/** The configuration of this page's client. */
export const configOf = ({ issuer, client_id, scope, dpop, redirect_uri, variables, members }: Choice): Config =>
  ({
    ...(members ? { ...members, token_endpoint_auth_method: 'none', ...(Object.keys(variables).length && { variables }) } : { issuer, discovery: true }),
    name: 'your-server',
    client_id,
    redirect_uri,
    scope,
    ...(dpop && { dpop }),
  }) as Config;
