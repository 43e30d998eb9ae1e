package wire

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/json"

const (
	LeastWait   = 2_000   // between two refreshes because of the server's lifetimes
	LongestWait = 300_000 // between two tries of one refresh
)

// LongestRetryAfter is the longest wait that a server can ask for.
const LongestRetryAfter = 3_600_000

// retryAfter reads how long a server asks us to wait, in ms (RFC 9110 section 10.2.3): seconds, or
// a date.
func (r *Response) retryAfter(now int64) (ms int64) {
	s := header(r.headers, "retry-after")
	if n, ok := json.Int(s); ok {
		ms = max(n, 0)
		if ms < LongestRetryAfter {
			ms *= 1000
		}
	} else if at := httpDate(s); at > now {
		ms = at - now
	}
	return min(ms, LongestRetryAfter)
}

// httpDate reads the one form of a date that may be sent (RFC 9110 section 5.6.7), "Sun, 06 Nov
// 1994 08:49:37 GMT", as Unix ms; 0 for anything else.
func httpDate(s string) int64 {
	if len(s) != 29 || s[25:] != " GMT" {
		return 0
	}
	good := true
	number := func(from, to int) int64 {
		n, ok := json.Int(s[from:to])
		good = good && ok
		return n
	}
	const months = "JanFebMarAprMayJunJulAugSepOctNovDec"
	month := int64(0)
	for month < 12 && months[3*month:3*month+3] != s[8:11] {
		month++
	}
	// Days since the epoch. Years begin in March here, so that the leap day is the last one.
	m, y := (month+10)%12, number(12, 16)
	if month < 2 {
		y--
	}
	days := 365*y + y/4 - y/100 + y/400 + (153*m+2)/5 + number(5, 7) - 1 - 719_468
	at := ((days*24+number(17, 19))*60+number(20, 22))*60_000 + number(23, 25)*1000
	if month == 12 || !good {
		return 0
	}
	return at
}
