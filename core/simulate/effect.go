package simulate

import (
	"encoding/json"
	"net/url"
)

// effect is any effect of a session.
type effect struct {
	ID, Kind   string
	Stage      string
	Method     string
	URL        string
	Headers    [][2]string
	Body       *struct{ Text *string }
	TimeoutMS  int64 `json:"timeout_ms"`
	MaxBody    int64 `json:"max_body"`
	MS         int64
	Target     string
	Key        string
	Version    string
	Value      *string
	Delete     bool
	Name       string
	Alg        string
	Create     bool
	Input      string
	Hook       string
	Parameters json.RawMessage
	Request    json.RawMessage
	Event      string
	Status     string
	ExpiresAt  int64 `json:"expires_at"`
	Polling    bool
	IntervalMS int64 `json:"interval_ms"`
	Error      *failure
	Command    int64
	OK         json.RawMessage

	carriedOut int // of a load, the step
}

// failure is an error as a host gets it.
type failure struct {
	Kind, Code, Op string
	Retryable      bool
}

// lacks returns a member that the kind must have and this effect has not.
func (e *effect) lacks() string {
	switch e.Kind {
	case "http":
		if u, err := url.Parse(e.URL); err != nil || u.Scheme != "https" || e.Method == "" || e.Stage == "" || e.TimeoutMS <= 0 || e.MaxBody <= 0 {
			return "method, url, stage or a limit"
		}
	case "load", "store":
		if e.Key == "" || e.Kind == "store" && (e.Value == nil) != e.Delete {
			return "key or value"
		}
	case "lock":
		if e.Name == "" || e.TimeoutMS <= 0 {
			return "name or limit"
		}
	case "key":
		if e.Name == "" || e.Alg == "" {
			return "name or alg"
		}
	case "sign":
		if e.Key == "" || e.Alg == "" || e.Input == "" {
			return "key, alg or input"
		}
	case "unlock", "http-cancel", "timer-cancel":
		if e.Target == "" {
			return "target"
		}
	case "event":
		if e.Event == "" {
			return "event"
		}
	case "result":
		if (e.OK == nil) == (e.Error == nil) {
			return "one of ok and error"
		}
	}
	return ""
}
