package guard

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/resource"
)

// full is a configuration with every member.
func full() Config {
	d := time.Minute
	return Config{
		Resource:             "https://api.example/notes",
		AuthorizationServers: []Server{{Issuer: "https://as.example", Discovery: true, MetadataURL: "https://as.example/m", IssuerTemplate: "https://as.example/{tenantid}", JWKSURI: "https://as.example/jwks", IntrospectionEndpoint: "https://as.example/i", ClientID: "c", ClientSecret: "s", ClientKeyID: "k", ClientAssertionAudience: "https://as.example", TokenEndpointAuthSigningAlg: oauth.ES256, IntrospectionEndpointAuthMethod: oauth.AuthClientSecretPost, IntrospectionSignedResponseAlg: oauth.RS256, Introspect: IntrospectAll}},
		Audience:             []string{"a"}, Algorithms: []oauth.Algorithm{oauth.RS256}, DPoPAlgorithms: []oauth.Algorithm{oauth.ES256},
		InsecureUntypedTokens: true, InsecureWithoutAudience: true, Need: Need{Scope: "read", ACRValues: "gold", MaxAge: &d},
		DPoP: DPoPRequired, DPoPNonce: true, NonceKeys: []NonceKey{[]byte(strings.Repeat("k", 32))}, NonceLife: d, ProofLife: d, RequireBound: true, ClockTolerance: &d, KeysLife: d,
		Certificates: true, CertificateHeader: "client-cert", Proxies: []string{"10.0.0.0/8"}, Origins: []string{"https://www.example"}, Metadata: map[string]any{"resource_name": "Notes"},
		InsecureHTTPOrigins: []string{"http://as:8080"}, Name: "n", UserAgent: "u",
	}
}

// TestConfig: every member in the contract is one of Config or of its servers, and the engine
// accepts all of them (R55).
func TestConfig(t *testing.T) {
	for _, v := range []any{full(), full().AuthorizationServers[0]} {
		for v, i := reflect.ValueOf(v), 0; i < v.NumField(); i++ {
			if v.Field(i).IsZero() {
				t.Errorf("%s is not in full()", v.Type().Field(i).Name)
			}
		}
	}
	raw, err := json.Marshal(full().wire(true))
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	json.Unmarshal(raw, &members)
	server := members["authorization_servers"].([]any)[0].(map[string]any)
	contract, err := os.ReadFile("../../contract/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(contract), "### `kind: \"resource\"`")
	section, _, _ = strings.Cut(section, "| command |")
	var listed []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*) \\|").FindAllStringSubmatch(section, -1) {
		for _, name := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(row[1], -1) {
			listed = append(listed, name[1])
		}
	}
	for _, name := range listed {
		if members[name] == nil && name != "alone" { // each Guard has a host that waits
			t.Errorf("Config has no %s", name)
		}
	}
	for name := range members {
		if !slices.Contains(listed, name) {
			t.Errorf("the contract has no %s", name)
		}
	}
	for name := range server {
		if !strings.Contains(section, "`"+name+"`") {
			t.Errorf("the contract has no %s of a server", name)
		}
	}
	text, err := json.Marshal(full())
	if err != nil {
		t.Fatal(err)
	}
	var back Config
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, full()) {
		t.Errorf("%v: %+v", err, back)
	}
	if err := json.Unmarshal([]byte(`{"resorce":""}`), &back); err == nil {
		t.Error("a misspelt member passes")
	}
	g, err := New(resource.Engine(), full(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	g.Close()
	bad := full()
	bad.Scope = "a  b"
	if _, err := New(resource.Engine(), bad, Options{}); err == nil || !strings.Contains(err.Error(), "scope") {
		t.Error(err)
	}
}
