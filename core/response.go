package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

const (
	requestTimeout = 30_000
	// maxBody leaves room for escapes in a message of MaxMessage.
	maxBody = 512 << 10
	// maxDocument is how long the metadata of a server or a resource may be, and maxKeys how long the
	// array of a server's keys.
	maxDocument = 128 << 10
	maxKeys     = 256 << 10
	// maxValues is how many values there may be in what is kept of an answer, parsed.
	maxValues = 20 << 10
)

// A response is what came back; text is false for a body that is no UTF-8.
type response struct {
	stage, url string
	status     int64
	headers    json.Value
	body       string
	text       bool
	list       bool // it may be an array
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

// contentType is the media type of the answer in lower case, without parameters.
func (r *response) contentType() string {
	s := header(r.headers, "content-type")
	if i := words.Index(s, ';'); i >= 0 {
		s = s[:i]
	}
	for len(s) > 0 && s[len(s)-1] == ' ' {
		s = s[:len(s)-1]
	}
	return words.Lower(s)
}

// object reads the answer as a JSON object, whatever of Q43 it came as.
func (r *response) object(now int64) (json.Value, *link.Fault) {
	v, f := r.read()
	garbled := f != nil
	good := r.status >= 200 && r.status < 300
	if f == nil {
		switch {
		case v.Get("error").Str() != "":
			// A protocol error decides, whatever the HTTP status says.
			f = link.ProtocolError(func(name string) string { return v.Get(name).Str() })
		case good && v.Get("error").Kind() == json.Number:
			f = &link.Fault{Code: "http_error"} // some write the status there and send 200
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
		f.Came = said(v)
	}
	f.Kind, f.Status = link.KindServer, r.status
	f.Of(r.stage, r.url)
	f.Garbled, f.Retryable = garbled, r.status == 429 || r.status >= 500 || f.Err == "temporarily_unavailable"
	if f.Retryable {
		f.RetryAfter = r.retryAfter(now)
	}
	// What was answered 2xx or 5xx and cannot be read may still have been carried out.
	f.Unknown = f.Err == "" && (good || r.status >= 500)
	return v, f
}

// said is what a server says of a failure in a form of its own, and not that of RFC 6749 section 5.2: by a name that is in use for that, there, in an object error or in
// the first of errors.
func said(v json.Value) string {
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

// skipBOM: a byte order mark before a text may be ignored (RFC 8259 section 8.1).
func skipBOM(s string) string {
	const mark = "\ufeff"
	if words.Prefixed(s, mark) {
		return s[len(mark):]
	}
	return s
}

func (r *response) read() (v json.Value, f *link.Fault) {
	ctype := r.contentType()
	isJSON := ctype == "application/json" || len(ctype) > 5 && ctype[len(ctype)-5:] == "+json"
	isForm := ctype == "application/x-www-form-urlencoded" || ctype == "text/plain"
	text := skipBOM(r.body)
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
		// As JSON it goes the same way as every other answer, a name twice included.
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
	if v.Kind() != json.Object && !(r.list && v.Kind() == json.Array) {
		return v, &link.Fault{Code: "not_object"}
	}
	return v, nil
}

// at follows a path of member names with dots between them.
func at(v json.Value, path string) json.Value {
	for {
		i := words.Index(path, '.')
		if i < 0 {
			return v.Get(path)
		}
		v, path = v.Get(path[:i]), path[i+1:]
	}
}
