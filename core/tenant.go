package core

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/words"

// tenantHole is where an issuer template has the tenant: Microsoft's servers for all tenants name this placeholder in place of an issuer.
const tenantHole = "{tenantid}"

// tenantOf is the tenant that an issuer has where the template has its hole.
func tenantOf(iss, template string) string {
	i := tenantAt(template)
	if n := len(iss) - (len(template) - len(tenantHole)); i >= 0 && n > 0 && len(iss) >= i+n {
		return iss[i : i+n]
	}
	return ""
}

func tenantAt(template string) int {
	for i := range len(template) {
		if words.Prefixed(template[i:], tenantHole) {
			return i
		}
	}
	return -1
}
