package core_test

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/oauth2-wasm/oauth2-wasm/core"
)

// A minimal host: inputs in, effects out. Package oauth is a complete one.
func Example() {
	var engine core.Engine
	handle := engine.Open([]byte(`{"now":1700000000000,"entropy":"ZXZlcnkgaW5wdXQgYnJpbmdzIHRoaXJ0eS10d28gbmV3","kind":"client","session":"","config":{
		"client_id":"notes","redirect_uri":"https://app.example/cb","authorization_endpoint":"https://as.example/authorize"}}`))
	// 32 bytes from a cryptographic random generator, new with every input. Here they are
	// constants, so that the example always prints the same.
	inputs := []string{
		`{"now":1700000000001,"entropy":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","command":"authorize","id":1}`,
		`{"now":1700000000002,"entropy":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE","answer":%q,"ok":{"version":""}}`,
		`{"now":1700000000003,"entropy":"AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI","answer":%q,"ok":{"version":""}}`,
		`{"now":1700000000004,"entropy":"AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM","answer":%q,"ok":{"version":"1"}}`,
	}
	last := ""
	for n, input := range inputs {
		if n > 0 {
			input = fmt.Sprintf(input, last)
		}
		if code := engine.Input(handle, []byte(input)); code != core.Taken {
			fmt.Println("refused:", code)
			return
		}
		for effect := engine.Effect(handle); effect != nil; effect = engine.Effect(handle) {
			var e struct {
				ID, Kind, Key string
				OK            struct{ URL string }
			}
			if err := json.Unmarshal(effect, &e); err != nil {
				fmt.Println(err)
				return
			}
			last = e.ID
			fmt.Println(strings.TrimSpace(e.Kind + " " + e.Key))
			if e.OK.URL != "" {
				fmt.Println(e.OK.URL[:62])
			}
		}
	}
	// Output:
	// load oauth2.pending
	// load oauth2.n-f--xyUqWTjgY4xyLCluN.pending
	// store oauth2.n-f--xyUqWTjgY4xyLCluN.pending
	// result
	// https://as.example/authorize?response_type=code&client_id=note
}
