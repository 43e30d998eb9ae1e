package oauth

import (
	"bytes"
	"encoding/json"
	"math"
	"time"
)

// wireConfig is a Config as the engine reads it.
type wireConfig struct {
	plainConfig
	ClockSkewMS      *int64 `json:"clock_skew_ms,omitempty"`
	ClockToleranceMS *int64 `json:"clock_tolerance_ms,omitempty"`
	AttemptLifeMS    int64  `json:"attempt_life_ms,omitempty"`
	RefreshLeadMS    *int64 `json:"refresh_lead_ms,omitempty"`
	RetryWindowMS    *int64 `json:"retry_window_ms,omitempty"`
}

type plainConfig Config

func (c Config) wire() wireConfig {
	return wireConfig{
		plainConfig(c),
		optionalMS(c.ClockSkew), optionalMS(c.ClockTolerance), wholeMS(c.AttemptLife), optionalMS(c.RefreshLead), optionalMS(c.RetryWindow),
	}
}

// MarshalJSON implements json.Marshaler. A struct that embeds a Config would inherit this method:
// name the field instead.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.wire()) }

// UnmarshalJSON implements json.Unmarshaler. Members that the text does not name stay unchanged,
// and an unknown member is an error.
func (c *Config) UnmarshalJSON(text []byte) error {
	w := c.wire()
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&w); err != nil {
		return err
	}
	*c = Config(w.plainConfig)
	c.ClockSkew, c.ClockTolerance, c.AttemptLife = optionalSpan(w.ClockSkewMS), optionalSpan(w.ClockToleranceMS), span(w.AttemptLifeMS)
	c.RefreshLead, c.RetryWindow = optionalSpan(w.RefreshLeadMS), optionalSpan(w.RetryWindowMS)
	return nil
}

// wholeMS is d in milliseconds, rounded away from 0: a span that was set never becomes 0.
func wholeMS(d time.Duration) int64 {
	ms := d.Milliseconds()
	switch rest := d % time.Millisecond; {
	case rest > 0:
		return ms + 1
	case rest < 0:
		return ms - 1
	}
	return ms
}

func optionalMS(d *time.Duration) *int64 {
	if d == nil {
		return nil
	}
	return new(wholeMS(*d))
}

// span converts milliseconds to a Duration, at most the longest one.
func span(ms int64) time.Duration {
	const most = math.MaxInt64 / int64(time.Millisecond)
	return time.Duration(max(-most, min(ms, most))) * time.Millisecond
}

func optionalSpan(ms *int64) *time.Duration {
	if ms == nil {
		return nil
	}
	return new(span(*ms))
}
