//go:build js && wasm

// Command xoauth2 does the work of oauth2.wasm in standard Go: an authorization URL with PKCE, and
// the exchange of the code, by golang.org/x/oauth2 with the browser's fetch. It is built to measure
// its size (row 1 of make bench).
package main

import (
	"context"
	"syscall/js"

	"golang.org/x/oauth2"
)

func main() {
	var config oauth2.Config
	var verifier string
	js.Global().Set("begin", js.FuncOf(func(_ js.Value, args []js.Value) any {
		text := func(name string) string { return args[0].Get(name).String() }
		config = oauth2.Config{
			ClientID: text("client_id"), RedirectURL: text("redirect_uri"), Scopes: []string{text("scope")},
			Endpoint: oauth2.Endpoint{AuthURL: text("authorization_endpoint"), TokenURL: text("token_endpoint"), AuthStyle: oauth2.AuthStyleInParams},
		}
		verifier = oauth2.GenerateVerifier()
		return config.AuthCodeURL(oauth2.GenerateVerifier(), oauth2.S256ChallengeOption(verifier))
	}))
	js.Global().Set("finish", js.FuncOf(func(_ js.Value, args []js.Value) any {
		code, done := args[0].String(), args[1]
		go func() {
			token, err := config.Exchange(context.Background(), code, oauth2.VerifierOption(verifier))
			if err != nil {
				done.Invoke(err.Error())
				return
			}
			done.Invoke(nil, token.AccessToken)
		}()
		return nil
	}))
	select {}
}
