package main

import (
	"slices"
	"strings"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/presets"
)

// usage names the providers that there are.
func usage() string {
	var lines []string
	for names := range slices.Chunk(presets.Names(), 6) {
		lines = append(lines, strings.Join(names, ", "))
	}
	return strings.Replace(usageText, "PROVIDERS", strings.Join(lines, ",\n                 "), 1)
}

const usageText = `oauth2-token signs you in at an OAuth 2 server and prints access tokens.

    oauth2-token [flags] login     sign in
    oauth2-token [flags] [token]   print an access token that is still good
    oauth2-token [flags] status    tell what is known, without a token
    oauth2-token [flags] logout    forget the session, tell the server, and say
                                   where a browser signs out there too

Only the token goes to standard output, so that it can be used at once:

    curl -H "Authorization: Bearer $(oauth2-token)" https://api.example/me

A token that has ended is refreshed before it is printed. Several processes may
do so at the same time: one of them refreshes, the others take what it got.

WAYS TO SIGN IN
  By default a code and a QR code are shown, for a browser on any device. Ctrl-C
  gives that up; if the program is killed, the next login goes on with the code.

  -loopback   in a browser on this machine, which comes back by itself
  -paste      in any browser; you paste the code or the address it ends at
  -no-qr      show no QR code

WHAT TO SIGN IN TO
  -config FILE   a JSON object with the members below, with _ for -, and any
                 other member of the client's configuration;
                 default: config.json in the directory of -dir, if it is there
  -provider NAME one that is known, with its endpoints and scopes:
                 PROVIDERS
  -client-id ID  as the server named this program when it was registered
  -issuer URL    whose metadata names the endpoints; or name them yourself, with
                 -token-endpoint:
  -token-endpoint URL
  -device-authorization-endpoint URL   for signing in by code
  -authorization-endpoint URL          for -loopback and -paste
  -redirect-uri URI                    as registered, for -loopback and -paste;
                 default with -loopback: http://127.0.0.1/, on any free port
  -revocation-endpoint URL             for logout
  -scope SCOPES                        separated by spaces

  A flag goes before what the file says. A client secret is no flag, since
  others on this machine could read it there: it stands in the environment as
  OAUTH2_CLIENT_SECRET, or in the file as client_secret.

WHERE IT IS KEPT
  -dir DIR       sessions and their locks, for you alone (0700); one session for
                 each issuer and client id;
                 default: oauth2-wasm in the directory of your configuration

EXIT STATUS
  0  done
  1  something failed that may work later: the network, the server, the disk
  2  the flags or the configuration are wrong
  3  not signed in, or not any more
  4  the sign-in was refused, or its time ran out
  130  Ctrl-C
`
