package simulate

// Known are rules that are broken today, each with the reason; a run counts them and goes on. Without an entry every rule holds.
var Known = map[string]string{
	"sign-in-stored-twice": "a sign-in that was stored, its answer lost, is stored again over another that came later, though others used it up meanwhile",
}
