package authserver

import "time"

const (
	// wrongWindow is over what time wrong secrets count.
	wrongWindow = 15 * time.Minute
	// wrongAccounts is how many times as many wrong secrets one address has for all accounts and
	// clients together.
	wrongAccounts = 10
	// knownFor is how long an address is known by a right secret.
	knownFor = 30 * 24 * time.Hour
)

// Holders of secrets. A client and an account of one name have counts of their own.
const (
	holderAccount = "account\x00"
	holderClient  = "client\x00"

	holderRegistration = "registration"
)

// settle judges a try of a secret, which is right or not, against those that were wrong before:
// where they are too many it is 429 whatever this one is, since an answer is what a guesser wants
// (RFC 6749 sections 2.3.1 and 4.3.2 demand as much). Each wrong one of many at once counts.
func (l *limiter) settle(c *call, holder string, right bool) error {
	here := holder + "\x00" + c.source
	limit := l.limits.WrongSecrets
	var shares []share
	if c.source != "" {
		shares = append(shares, share{countWrong, here, limit.Source, 1, wrongWindow})
	}
	if c.source == "" || !l.known.has(c.Now, here) {
		if holder != holderRegistration {
			// That token has no owner whose addresses could be known.
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
