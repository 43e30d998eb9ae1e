package wire

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

const (
	RequestTimeout = 30_000
	// MaxBody leaves room for escapes in a message of MaxMessage.
	MaxBody = 512 << 10
	// MaxDocument is the greatest length of a server's or a resource's metadata; maxKeys that of
	// the array of a server's keys.
	MaxDocument = 128 << 10
	MaxKeys     = 256 << 10
	// MaxValues is the greatest number of values in the stored part of an answer.
	MaxValues = 20 << 10
)

// A Response is an answer; text is false for a body that is not UTF-8.
type Response struct {
	stage, url string
	Status     int64
	headers    json.Value
	Body       string
	text       bool
	List       bool // it may be an array
}

// header is the value of the first header of that name.
func header(headers json.Value, name string) string {
	for it := headers.Each(); it.Next(); {
		pair := it.Value().Each()
		if pair.Next() && pair.Value().Str() == name && pair.Next() {
			return pair.Value().Str()
		}
	}
	return ""
}

// ContentType is the media type of the answer in lower case, without parameters.
func (r *Response) ContentType() string {
	s := header(r.headers, "content-type")
	if i := words.Index(s, ';'); i >= 0 {
		s = s[:i]
	}
	for len(s) > 0 && s[len(s)-1] == ' ' {
		s = s[:len(s)-1]
	}
	return words.Lower(s)
}

// Object reads the answer as a JSON object, in whatever form the server sends it (Q43).
func (r *Response) Object(now int64) (json.Value, *link.Fault) {
	v, f := r.read()
	garbled := f != nil
	good := r.Status >= 200 && r.Status < 300
	if f == nil {
		switch {
		case v.Get("error").Str() != "":
			// A protocol error decides, whatever the HTTP status says.
			f = link.ProtocolError(func(name string) string { return v.Get(name).Str() })
		case good && v.Get("error").Kind() == json.Number:
			f = &link.Fault{Code: "http_error"} // some servers write the status there and send 200
		case good:
			return v, nil
		default:
			f = &link.Fault{}
		}
	}
	if !good && f.Err == "" {
		f.Code = "http_error"
	}
	if f.Err == "" && !garbled {
		f.Came = Said(v)
	}
	f.Kind, f.Status = link.KindServer, r.Status
	f.Of(r.stage, r.url)
	f.Garbled, f.Retryable = garbled, r.Status == 429 || r.Status >= 500 || f.Err == "temporarily_unavailable"
	if f.Retryable {
		f.RetryAfter = r.retryAfter(now)
	}
	// After 2xx or 5xx the request may have been carried out, even if the answer cannot be read.
	f.Unknown = f.Err == "" && (good || r.Status >= 500)
	return v, f
}

// Said is a server's error text in another form than that of RFC 6749 section 5.2: under one of the
// common names, at the top, in an object error, or in the first element of errors.
func Said(v json.Value) string {
	first := v.Get("errors").Each()
	first.Next()
	for _, in := range [...]json.Value{v, v.Get("error"), first.Value()} {
		if s := in.Str(); s != "" {
			return s
		}
		for left := "error_description message error_message errorMessage errorSummary error_msg errmsg msg detail title reason description"; left != ""; {
			var name string
			name, left = words.Cut(left)
			if s := in.Get(name).Str(); s != "" {
				return s
			}
		}
	}
	return ""
}

// SkipBOM: a byte order mark before a text may be ignored (RFC 8259 section 8.1).
func SkipBOM(s string) string {
	const mark = "\ufeff"
	if words.Prefixed(s, mark) {
		return s[len(mark):]
	}
	return s
}

func (r *Response) read() (v json.Value, f *link.Fault) {
	ctype := r.ContentType()
	isJSON := ctype == "application/json" || len(ctype) > 5 && ctype[len(ctype)-5:] == "+json"
	isForm := ctype == "application/x-www-form-urlencoded" || ctype == "text/plain"
	text := SkipBOM(r.Body)
	switch {
	case !r.text:
		return v, &link.Fault{Code: "bad_encoding"}
	case text == "":
		return v, &link.Fault{Code: "empty_body"}
	case ctype == "":
		return v, &link.Fault{Code: "no_content_type"}
	case isForm && !words.Prefixed(words.Trim(text), "{"):
		params, ok := form.Decode(text)
		if !ok {
			return v, &link.Fault{Code: "bad_form"}
		}
		// It is then read as JSON like every other answer, so that a repeated name is an error.
		var w json.Writer
		w.Open('{')
		for _, p := range params {
			w.Name(p.Name)
			w.Str(p.Value)
		}
		w.Close('}')
		text = w.String()
	case !isJSON && !isForm:
		return v, (&link.Fault{Code: "unknown_content_type"}).Not("application/json", ctype)
	}
	v, ok := json.Parse(text)
	if !ok {
		return v, &link.Fault{Code: "bad_json"}
	}
	if v.Kind() != json.Object && !(r.List && v.Kind() == json.Array) {
		return v, &link.Fault{Code: "not_object"}
	}
	return v, nil
}

// Seconds reads a number or numeric string, of any size and with a fraction; 0 and anything else
// mean "unknown".
func Seconds(v json.Value) (s int64, ok bool) {
	text := v.Str()
	if v.Kind() == json.Number {
		text = v.Raw()
	}
	s, ok = json.Near(text)
	return s, ok && s != 0
}
