package authserver

import (
	"encoding/binary"
	"strings"
	"sync"
	"time"
)

const (
	// userCodeLetters have no vowels, so that no code is a word (RFC 8628 section 6.1).
	userCodeLetters = "BCDFGHJKLMNPQRSTVWXZ"
	userCodeLength  = 8
)

// After wrongCodesMost wrong user codes, no code of that user is looked up until wrongCodesWait has
// passed since the last of them (RFC 8628 section 5.1). At that rate one account needs 97,000 years
// for all 20^8 codes. Each process counts for itself, and starts again at zero.
const (
	wrongCodesMost = 5
	wrongCodesWait = 10 * time.Minute
	// wrongCodesAccounts is how many times as many wrong codes one address may send, for all
	// accounts.
	wrongCodesAccounts = 10
)

// wrongCodes are the wrong user codes of each user. A right code does not reset the count, because
// a guesser may have some of its own.
type wrongCodes struct {
	mu sync.Mutex // held during a look-up, so that parallel guesses all count
	of map[string]wrongCount
}

type wrongCount struct {
	count int
	last  time.Time
}

// wait is how long no code of the user is looked up.
func (w *wrongCodes) wait(now time.Time, user string) time.Duration {
	wrong := w.of[user]
	if over := wrong.last.Add(wrongCodesWait); now.Before(over) && wrong.count >= wrongCodesMost {
		return over.Sub(now)
	}
	return 0
}

// add counts a wrong code of the user.
func (w *wrongCodes) add(now time.Time, user string) {
	wrong := w.of[user]
	if !now.Before(wrong.last.Add(wrongCodesWait)) {
		wrong.count = 0
	}
	w.of[user] = wrongCount{count: wrong.count + 1, last: now}
}

// newUserCode makes the letters of a user code. It reduces 64 random bits, so no code is more
// likely than another by more than one part in 700 million.
func newUserCode(r *random) (string, error) {
	b, err := r.bytes(8)
	if err != nil {
		return "", err
	}
	n := binary.BigEndian.Uint64(b)
	code := make([]byte, userCodeLength)
	for i := range code {
		code[i] = userCodeLetters[n%uint64(len(userCodeLetters))]
		n /= uint64(len(userCodeLetters))
	}
	return string(code), nil
}

// showUserCode formats a user code for people.
func showUserCode(code string) string {
	return code[:userCodeLength/2] + "-" + code[userCodeLength/2:]
}

// readUserCode returns the letters of a user code that somebody typed, in upper case, without
// characters that no code contains (RFC 8628 section 6.1). It returns false if the length is wrong.
func readUserCode(typed string) (string, bool) {
	code := strings.Map(func(r rune) rune {
		if !strings.ContainsRune(userCodeLetters, r) {
			return -1
		}
		return r
	}, strings.ToUpper(typed))
	return code, len(code) == userCodeLength
}

// errWait means that a user entered too many wrong codes. Its value is how long to wait.
type errWait time.Duration

func (errWait) Error() string { return "authserver: too many wrong user codes" }
