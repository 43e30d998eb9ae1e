package oauth_test

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// E79: spans of time are Durations in Go, and milliseconds in JSON and for the engine. A span that
// was set never becomes 0, and the engine refuses one that is too long or below 0.
func TestSpans(t *testing.T) {
	for _, row := range []struct {
		name   string
		config oauth.Config
		json   string
	}{
		{"none", oauth.Config{}, `{}`},
		{"0 is no default", oauth.Config{ClockSkew: new(time.Duration(0)), RetryWindow: new(time.Duration(0))}, `{"clock_skew_ms":0,"retry_window_ms":0}`},
		{"each", oauth.Config{
			ClockSkew: new(time.Second), ClockTolerance: new(time.Minute), AttemptLife: time.Hour, RefreshLead: new(2 * time.Second), RetryWindow: new(24 * time.Hour),
		}, `{"clock_skew_ms":1000,"clock_tolerance_ms":60000,"attempt_life_ms":3600000,"refresh_lead_ms":2000,"retry_window_ms":86400000}`},
		{"below 0", oauth.Config{ClockSkew: new(-time.Second), AttemptLife: -time.Hour}, `{"clock_skew_ms":-1000,"attempt_life_ms":-3600000}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			raw, err := json.Marshal(row.config)
			if err != nil || string(raw) != row.json {
				t.Errorf("%v, %s", err, raw)
			}
			var again oauth.Config
			if err := json.Unmarshal([]byte(row.json), &again); err != nil || !reflect.DeepEqual(again, row.config) {
				t.Errorf("%v, %+v", err, again)
			}
		})
	}
	for given, want := range map[time.Duration]string{1: `{"attempt_life_ms":1}`, -1: `{"attempt_life_ms":-1}`, 1_500_000: `{"attempt_life_ms":2}`, math.MaxInt64: `{"attempt_life_ms":9223372036855}`} {
		if raw, err := json.Marshal(oauth.Config{AttemptLife: given}); err != nil || string(raw) != want {
			t.Errorf("%v: %v, %s", given, err, raw)
		}
	}
	long := oauth.Config{Scope: "stays"}
	if err := json.Unmarshal([]byte(`{"attempt_life_ms":9007199254740991}`), &long); err != nil || long.AttemptLife < 100*365*24*time.Hour || long.Scope != "stays" {
		t.Errorf("%v, %+v", err, long)
	}
	if err := json.Unmarshal([]byte(`{"clientId":"x"}`), new(oauth.Config)); err == nil {
		t.Error("an unknown member was taken")
	}
	for field, change := range map[string]func(*oauth.Config){
		"clock_skew_ms":      func(c *oauth.Config) { c.ClockSkew = new(-time.Nanosecond) },
		"clock_tolerance_ms": func(c *oauth.Config) { c.ClockTolerance = new(time.Hour + time.Nanosecond) },
		"attempt_life_ms":    func(c *oauth.Config) { c.AttemptLife = -time.Nanosecond },
		"refresh_lead_ms":    func(c *oauth.Config) { c.RefreshLead = new(-time.Nanosecond) },
		"retry_window_ms":    func(c *oauth.Config) { c.RetryWindow = new(-time.Nanosecond) },
	} {
		own := config
		change(&own)
		_, err := oauth.Open(t.Context(), native(t), own, oauth.Options{})
		if e, ok := errors.AsType[*oauth.Error](err); !ok || e.Kind != oauth.KindClient || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}
