package oauth_test

import (
	"encoding/json"
	"go/ast"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// E80: the names of the contract are typed constants, and none is missing: those of the schema, and
// those that the contract's text lists.
func TestNames(t *testing.T) {
	got := constants(t)
	schema := struct {
		Defs struct {
			Status enum
			Error  struct{ Properties map[string]enum }
			Effect struct {
				OneOf []struct{ Properties map[string]enum }
			}
		} `json:"$defs"`
	}{}
	raw, err := os.ReadFile("../contract/schema.json")
	if err == nil {
		err = json.Unmarshal(raw, &schema)
	}
	if err != nil {
		t.Fatal(err)
	}
	effects := map[string]map[string]enum{}
	for _, e := range schema.Defs.Effect.OneOf {
		kind, _ := e.Properties["kind"].Const.(string)
		effects[kind] = e.Properties
	}
	for _, row := range []struct {
		kind string
		want []string
	}{
		{"ErrorKind", append(schema.Defs.Error.Properties["kind"].Enum, "internal")},
		// A Go program gets no event "current", which is for user interfaces.
		{"EventName", slices.DeleteFunc(append(effects["event"]["event"].Enum, "restarted"), func(name string) bool { return name == "current" })},
		{"SessionStatus", schema.Defs.Status.Enum},
		{"Stage", effects["http"]["stage"].Enum},
		{"AuthMethod", strings.Fields("client_secret_basic client_secret_post client_secret_jwt private_key_jwt tls_client_auth self_signed_tls_client_auth none")},
		{"Algorithm", strings.Fields("RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519")},
		{"PKCEMethod", strings.Fields("S256 plain none")},
		{"ResponseMode", strings.Fields("query form_post jwt query.jwt form_post.jwt")},
		{"PushedRequests", strings.Fields("off offered required")},
		{"NonceMode", strings.Fields("automatic enabled disabled")},
		{"TokenTypeHint", strings.Fields("access_token refresh_token")},
		{"Prompt", strings.Fields("none login consent select_account create")},
	} {
		t.Run(row.kind, func(t *testing.T) {
			slices.Sort(row.want)
			slices.Sort(got[row.kind])
			if len(row.want) < 2 || !slices.Equal(got[row.kind], row.want) {
				t.Errorf("the constants are %q, the contract has %q", got[row.kind], row.want)
			}
		})
	}
	for _, kind := range got["EffectKind"] {
		if effects[kind] == nil {
			t.Errorf("there is no effect %q", kind)
		}
	}
}

type enum struct {
	Enum  []string
	Const any
}

// constants gives the values of the typed constants of this package, by type.
func constants(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	files, _ := sources(t, ".")
	for _, file := range files {
		for _, d := range file.Decls {
			d, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range d.Specs {
				value, ok := spec.(*ast.ValueSpec)
				if !ok || len(value.Values) != 1 {
					continue
				}
				kind, ok := value.Type.(*ast.Ident)
				text, literal := value.Values[0].(*ast.BasicLit)
				if !ok || !literal {
					continue
				}
				if s, err := strconv.Unquote(text.Value); err == nil {
					all[kind.Name] = append(all[kind.Name], s)
				}
			}
		}
	}
	return all
}
