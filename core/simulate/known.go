package simulate

// Known lists rules that are broken today, each with the reason. A run counts their violations and
// continues. Without an entry every rule holds.
var Known = map[string]string{
	"sign-in-stored-twice":  "two instances whose clocks differ sign in at about the same time, and the store loses an answer: the one whose clock is ahead stays, though the other came later",
	"session-key-left-over": "a session that no store took is given up for what the store holds, and its key stays",
	"spent-key-left-over":   "the store loses its answer to a callback's mark, the attempt is crowded out before ten minutes are over, and its key stays",
}
