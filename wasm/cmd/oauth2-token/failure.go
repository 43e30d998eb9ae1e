package main

import (
	"context"
	"errors"
	"strings"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotSignedIn = 3
	exitRefused     = 4
	exitInterrupted = 130
)

var errNotSignedIn = errors.New("not signed in")

// exitStatus returns the exit status that the usage text describes.
func exitStatus(err error) int {
	e, _ := errors.AsType[*oauth.Error](err)
	_, usage := errors.AsType[usageError](err)
	served, _ := errors.AsType[*agentError](err)
	switch {
	case err == nil:
		return exitOK
	case served != nil: // from an agent, which has classified it
		return served.Exit
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case usage || e != nil && e.Kind == oauth.KindClient && e.Field != "":
		return exitUsage
	case notSignedIn(err):
		return exitNotSignedIn
	case e != nil && (e.OAuthError == "access_denied" || e.Kind == oauth.KindExpired || e.Kind == oauth.KindCallbackNotVerified):
		return exitRefused
	}
	return exitFailed
}

func notSignedIn(err error) bool {
	if errors.Is(err, errNotSignedIn) {
		return true
	}
	e, ok := errors.AsType[*oauth.Error](err)
	if !ok {
		return false
	}
	switch e.Code {
	case "not_signed_in", "signed_out", "no_token", "token_expired", "outcome_lost":
		return true
	}
	return (e.OAuthError == "invalid_grant" || e.Kind == "server" && e.BeginAgain) && e.Op != "callback" && e.Op != "device_wait"
}

// explain returns what the user can do about an error, if anything.
func explain(err error) string {
	e, _ := errors.AsType[*oauth.Error](err)
	if served, ok := errors.AsType[*agentError](err); ok {
		return printable(served.Message)
	}
	switch status := exitStatus(err); {
	case status == exitInterrupted:
		return "given up"
	case status == exitNotSignedIn && e != nil && e.Code != "not_signed_in":
		return "not signed in any more (" + err.Error() + "); the same command with `login` at its end does that again"
	case status == exitNotSignedIn:
		return "not signed in; the same command with `login` at its end does that"
	case e == nil:
		return err.Error()
	case e.OAuthError == "access_denied":
		return "the sign-in was refused: " + err.Error()
	case e.Kind == oauth.KindExpired:
		return "the time for this sign-in ran out; the same command begins another one"
	case e.Kind == oauth.KindNetwork:
		return "the server cannot be reached (" + strings.ReplaceAll(e.Code, "_", " ") + ")"
	case e.Kind == oauth.KindClient && e.Code == "missing":
		return "the configuration lacks " + setting(e.Field)
	case e.Kind == oauth.KindClient && e.Field != "":
		return "the configuration cannot be used: " + setting(e.Field) + " (" + strings.ReplaceAll(e.Code, "_", " ") + ")"
	}
	return err.Error()
}

// setting is the flag for a member of the configuration, or its name if there is no flag.
func setting(member string) string {
	name := strings.ReplaceAll(member, "_", "-")
	for _, s := range settings {
		if s.name == name {
			return "-" + name
		}
	}
	return member
}
