package authserver

import "time"

const (
	// wrongWindow is the time in which wrong secrets count.
	wrongWindow = 15 * time.Minute
	// wrongAccounts: one address may send this many times as many wrong secrets for all accounts
	// and clients together.
	wrongAccounts = 10
	// knownFor is how long an address that sent a right secret is known.
	knownFor = 30 * 24 * time.Hour
)

// Kinds of owners of secrets. A client and an account of the same name have separate counts.
const (
	holderAccount = "account\x00"
	holderClient  = "client\x00"

	holderRegistration = "registration"
)

// settle decides about a try of a secret, given the earlier wrong ones. If there were too many, it
// answers 429 whether this one is right or not, because a guesser wants to learn that (RFC 6749
// sections 2.3.1 and 4.3.2 require a limit). Wrong tries in parallel all count.
func (l *limiter) settle(c *call, holder string, right bool) error {
	here := holder + "\x00" + c.source
	limit := l.limits.WrongSecrets
	var shares []share
	if c.source != "" {
		shares = append(shares, share{countWrong, here, limit.Source, 1, wrongWindow})
	}
	if c.source == "" || !l.known.has(c.Now, here) {
		if holder != holderRegistration {
			// That token has no owner with known addresses.
			shares = append(shares, share{countWrong, holder, limit.Owner, 1, wrongWindow})
		}
		if c.source != "" {
			shares = append(shares, share{countAllWrong, c.source, wrongAccounts * limit.Source, 1, wrongWindow})
		}
	}
	err := l.counts.admit(c.Now, right, shares...)
	if err == nil && right && c.source != "" {
		l.known.note(c.Now, here, c.Now.Add(knownFor))
	}
	return err
}
