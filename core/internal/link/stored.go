package link

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/json"

// Load asks the host for the value of key; with watch the host also reports later changes by
// others.
func (l *Link) Load(key string, watch bool, done func(value, version, failed string)) {
	w := l.Effect("load")
	w.MemberStr("key", key)
	if watch {
		w.MemberBool("watch", true)
	}
	l.Ask(w, func(ok json.Value, failed string) {
		version := ok.Get("version").Str()
		l.Own(&version)
		done(ok.Get("value").Str(), version, failed)
	})
}

// Put asks the host to store value under key if the stored version is the given one, or to delete
// it if value is "". expires is when the value expires, in Unix ms; 0 for never.
func (l *Link) Put(key, version, value string, expires int64, done func(version, failed string)) {
	w := l.Effect("store")
	w.MemberStr("key", key)
	w.MemberStr("version", version)
	if value == "" {
		w.MemberBool("delete", true)
	} else {
		w.MemberStr("value", value)
	}
	if expires != 0 {
		w.MemberInt("expires_at", expires)
	}
	l.Ask(w, func(ok json.Value, failed string) {
		version := ok.Get("version").Str()
		l.Own(&version)
		done(version, failed)
	})
}
