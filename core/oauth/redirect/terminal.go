package redirect

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
)

const (
	// maxTold is how many refusals the terminal shows, so that nobody can fill it with replies.
	maxTold = 5
	// maxText is how much of an error is shown, in characters.
	maxText = 300
)

// terminal tells the user about replies that were refused.
type terminal struct {
	w    io.Writer
	told map[string]bool
}

func newTerminal(w io.Writer) *terminal {
	if w == nil {
		w = os.Stderr
	}
	return &terminal{w, map[string]bool{}}
}

// refusal writes a line, once for each text, and nothing after maxTold lines.
func (t *terminal) refusal(err error) {
	text := shown(err)
	if t.told[text] || len(t.told) > maxTold {
		return
	}
	t.told[text] = true
	if len(t.told) > maxTold {
		fmt.Fprintln(t.w, "More replies are refused. They are not shown.")
		return
	}
	fmt.Fprintf(t.w, "A reply was refused, and this sign-in still waits for its own. Anybody may have sent it: %s\n", text)
}

// shown formats an error as one line of printable characters, of limited length.
func shown(err error) string {
	var b strings.Builder
	n := 0
	for _, r := range strings.ToValidUTF8(err.Error(), "\uFFFD") {
		switch {
		case unicode.IsSpace(r):
			r = ' '
		case !unicode.IsPrint(r): // escape sequences, and marks that change the direction of writing
			continue
		}
		if n++; n > maxText {
			b.WriteString(" …")
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}
