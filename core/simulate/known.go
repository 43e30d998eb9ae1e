package simulate

// Known are rules that are broken today, each with the reason; a run counts them and goes on. Without an entry every rule holds.
var Known = map[string]string{
	"sign-in-stored-twice":  "two instances whose clocks differ sign in at about the same time, and the store loses an answer: the one whose clock is ahead stays, though the other came later",
	"session-key-left-over": "the key of a session stays where another instance's sign-in took that session's place, or where a session that no store took is given up for what the store holds",
	"device-key-left-over":  "the key of a device flow stays where the flow was given up while a poll was under way, or where its tokens are refused",
	"key-missing-unsaved":   "a sign-in that could not be stored drops the key of the session that is still stored",
}
