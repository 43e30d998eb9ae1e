package record

import "testing"

func TestSlug(t *testing.T) {
	for name, want := range map[string]string{
		"DPoPDowngrade":                   "dpop-downgrade",
		"DPoP":                            "dpop",
		"ForceSeesAMark":                  "force-sees-a-mark",
		"SuccessorInABadAnswer":           "successor-in-a-bad-answer",
		"RedirectURIWithQuery":            "redirect-uri-with-query",
		"IDTokenKeys":                     "id-token-keys",
		"RFC6749Examples":                 "rfc6749-examples",
		"RFC7636AppendixB":                "rfc7636-appendix-b",
		"DeviceRFC8628":                   "device-rfc8628",
		"PKCE-S256_128":                   "pkce-s256-128",
		"ClientAuthentication-a (secret)": "client-authentication-a-secret",
	} {
		if got := Slug(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
