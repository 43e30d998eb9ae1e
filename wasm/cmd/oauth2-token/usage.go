package main

import (
	"slices"
	"strings"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/presets"
)

// usage returns the help text, with the names of the providers.
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
    oauth2-token [flags] whoami    tell who signed in
    oauth2-token [flags] logout    forget the session, tell the server, and say
                                   where a browser signs out there too
    oauth2-token [flags] serve     give tokens to your other processes, by a
                                   socket, until it is ended
    oauth2-token [flags] git-credential get | store | erase
    oauth2-token [flags] docker-credential get | store | erase | list
    oauth2-token [flags] exec-credential
                                   speak for git, Docker and kubectl
    oauth2-token completion bash | zsh | fish

Only the token goes to standard output, so that it can be used at once:

    curl -H "Authorization: Bearer $(oauth2-token)" https://api.example/me

A token that has ended is refreshed before it is printed. Several processes may
do so at the same time: one of them refreshes, the others take what it got.

  -json       print JSON: a line for the result, and one on standard error for
              what failed, {"error":TEXT,"exit":STATUS}. login prints where to
              sign in first: {"device":{…}} or {"authorization_url":URL}
  -id-token   print the ID token in place of the access token (token,
              exec-credential)

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

  -keyring       seal them with a key that the keyring of the operating system
                 keeps: Secret Service, Keychain, Credential Manager. Without a
                 keyring it fails, and keeps nothing

THE AGENT
  serve prints how to set OAUTH2_TOKEN_AGENT; token, status, whoami and the
  credential commands then ask the agent, and need no configuration. The socket
  is for your processes: its directory has to be 0700, and a peer of another
  uid is refused. Among processes of one uid there is no boundary: each can get
  the token, as it can read the files.

  -socket PATH   where serve listens; default: agent.sock in that of -dir
  -agent PATH    ask the agent there; default: OAUTH2_TOKEN_AGENT

  Without a program of ours: curl --unix-socket PATH http://agent/token

CREDENTIALS FOR OTHER PROGRAMS
  git and Docker get a token for the hosts that you name, over https alone.

  -host HOST     one of them, with a port where it is not 443; again for more.
                 In the file: "hosts":[…]
  -username NAME what goes with the token; default: oauth2

  git config --global credential.https://git.example.helper \
      '!oauth2-token -host git.example git-credential'
  A link docker-credential-oauth2-token to this program, "hosts" in the file,
  and in Docker's config.json: "credHelpers":{"registry.example":"oauth2-token"}
  In a kubeconfig: users[].user.exec with command: oauth2-token,
  args: [exec-credential], apiVersion: client.authentication.k8s.io/v1

COMPLETION
  source <(oauth2-token completion bash)
  oauth2-token completion fish | source

EXIT STATUS
  0  done
  1  something failed that may work later: the network, the server, the disk
  2  the flags or the configuration are wrong
  3  not signed in, or not any more
  4  the sign-in was refused, or its time ran out
  130  Ctrl-C
`
