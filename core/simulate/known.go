package simulate

// Known are rules that are broken today, each with the reason; a run counts them and goes on. Without an entry every rule holds.
var Known = map[string]string{
	"sign-in-stored-twice": "two instances whose clocks differ sign in at about the same time, and the store loses an answer: the one whose clock is ahead stays, though the other came later",
}
