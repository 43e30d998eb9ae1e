package config

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/words"

// TenantHole is the placeholder for the tenant in an issuer template, which Microsoft's servers for
// all tenants use.
const TenantHole = "{tenantid}"

// TenantOf returns the tenant in an issuer: the part at the template's placeholder.
func TenantOf(iss, template string) string {
	i := TenantAt(template)
	if n := len(iss) - (len(template) - len(TenantHole)); i >= 0 && n > 0 && len(iss) >= i+n {
		return iss[i : i+n]
	}
	return ""
}

// TenantAt is the position of the placeholder in a template, -1 for none.
func TenantAt(template string) int {
	for i := range len(template) {
		if words.Prefixed(template[i:], TenantHole) {
			return i
		}
	}
	return -1
}
