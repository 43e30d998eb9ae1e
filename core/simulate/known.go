package simulate

// Known are rules that are broken today, each with the reason; a run counts them and goes on. Without an entry every rule holds.
var Known = map[string]string{
	"sign-in-stored-twice":                "a sign-in whose store was carried out and answered with a failure is stored again over what others made of it",
	"young-mark-of-the-same-millisecond":  "without locks two marks of one millisecond are taken for one's own",
	"bytes-unread-store":                  "a session opened from bytes sends its refresh token although the store cannot be read",
	"unread-store":                        "so does one whose last write failed, whatever that write was",
	"window-over-within-an-attempt":       "the second request of an attempt goes out without a look at retry_window_ms",
	"code-twice":                          "two deliveries of one callback write the same text, so a failed write is taken for one's own",
	"bytes-over-a-quiet-successor":        "a successor kept from an answer that is refused has the generation of the old token, so old bytes win",
	"quiet-successor-unannounced":         "a successor kept from an answer that is refused, and not stored, is not told by not_persisted",
	"quiet-successor-dropped":             "and it is given up where another wrote in between",
	"not-authenticated-though-another-is": "a refusal that meets another's sign-in in the store ends in not_authenticated",
}
