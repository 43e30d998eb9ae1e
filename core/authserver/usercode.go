package authserver

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"
)

const (
	// userCodeLetters have no vowels, so that no code is a word (RFC 8628 section 6.1).
	userCodeLetters = "BCDFGHJKLMNPQRSTVWXZ"
	userCodeLength  = 8
)

// After wrongCodesMost wrong user codes, no code of that user is looked at until wrongCodesWait has passed
// since the last of them (RFC 8628 section 5.1). At that pace one account needs 97,000 years for all 20^8
// codes. The count is the server's own and starts anew with it.
const (
	wrongCodesMost = 5
	wrongCodesWait = 10 * time.Minute
	// wrongCodesAccounts is how many times as many wrong codes one address has, with whatever accounts.
	wrongCodesAccounts = 10
)

// wrongCodes are the wrong user codes of one user. A right one takes none away: a guesser could have some.
type wrongCodes struct {
	count int
	last  time.Time
}

// newUserCode draws the letters of a user code. Taking them from 64 bits favours no code over another by
// more than one part in 700 million.
func (s *Server) newUserCode() (string, error) {
	b, err := s.random(8)
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

// showUserCode writes a user code for people.
func showUserCode(code string) string {
	return code[:userCodeLength/2] + "-" + code[userCodeLength/2:]
}

// readUserCode returns the letters of a user code that was typed, in upper case and without anything that
// no code holds (RFC 8628 section 6.1), or false where that is not one code's length.
func readUserCode(typed string) (string, bool) {
	code := strings.Map(func(r rune) rune {
		if !strings.ContainsRune(userCodeLetters, r) {
			return -1
		}
		return r
	}, strings.ToUpper(typed))
	return code, len(code) == userCodeLength
}

// errWait tells that a user entered too many wrong codes; it is for how long.
type errWait time.Duration

func (errWait) Error() string { return "authserver: too many wrong user codes" }

// findDevice returns the device authorization with the user code that the user entered, in whatever
// state it is; ErrNotFound; or errWait. It is one at a time, so that many guesses at once count each.
func (s *Server) findDevice(c *call, user, code string) (DeviceRecord, error) {
	now := c.Now
	s.wrongMu.Lock()
	defer s.wrongMu.Unlock()
	wrong := s.wrong[user]
	if over := wrong.last.Add(wrongCodesWait); !now.Before(over) {
		wrong.count = 0
	} else if wrong.count >= wrongCodesMost {
		return DeviceRecord{}, errWait(over.Sub(now))
	}
	// Whoever has many accounts guesses no faster than with ten.
	var here []share
	if c.source != "" {
		here = append(here, share{countUserCode, c.source, wrongCodesAccounts * wrongCodesMost, 1, wrongCodesWait})
	}
	if err := s.counts.admit(now, true, here...); err != nil {
		return DeviceRecord{}, errWait(err.(*protocolError).retryAfter)
	}
	device, err := s.cfg.Store.DeviceByUserCode(DigestOf(code))
	if errors.Is(err, ErrNotFound) {
		s.wrong[user] = wrongCodes{count: wrong.count + 1, last: now}
		_ = s.counts.admit(now, false, here...) // nobody else counts in between
	}
	return device, err
}
